"""Shapes of what is taken outdoors, and of machines. The language is in `canvas`."""

from __future__ import annotations

DRAWINGS = {
    "Tent": """
        blob shadow 4,82 96,82 90,89 10,89
        line accent 1.6 20,60 6,84
        line accent 1.6 80,60 94,84
        poly main 50,16 90,82 10,82
        poly light 50,16 66,82 34,82
        poly ink 50,34 60,82 40,82
        poly pale 50,34 44,58 40,82 34,82
        line accent 2 50,16 50,8
        poly accent 50,6 62,10 50,14
    """,
    "Backpack": """
        oval shadow 50,91 26,3
        ring dark 4 50,16 9,10
        rect+ dark 18,52 28,80 5
        blob main 24,20 38,10 62,10 76,20 78,90 22,90
        blob dark 26,20 50,12 74,20 74,44 50,48 26,44
        rect+ accent 36,38 40,58 1
        rect light 32,58 68,84 5
        line accent 2.4 36,64 64,64
    """,
    "Camping Lantern": """
        oval shadow 50,91 22,3
        arc dark 3.4 30,40 28,4 72,4 70,40
        poly main 40,16 60,16 68,30 32,30
        rect white 34,30 66,66 4
        blob glow 50,33 60,52 55,64 45,64 40,52
        blob flame 50,42 56,54 53,62 47,62 44,54
        line+ dark 2.4 35,30 35,66
        rect main 30,66 70,74 2
        rect main 33,74 67,90 3
        oval accent 50,82 3.4,3.4
    """,
    "Water Bottle": """
        oval shadow 50,92 16,3
        ring accent 4 50,11 8,8
        rect accent 40,14 60,26 3
        blob main 40,26 60,26 68,40 68,92 64,93 36,93 32,92 32,40
        rect accent 33,54 67,60
        rect pale 33,62 67,64
        line light 3.4 40,42 40,50
        line light 3.4 40,68 40,84
    """,
    "Compass": """
        oval shadow 53,60 33,33
        ring dark 4 50,13 8,8
        oval main 50,56 34,34
        oval white 50,56 27,27
        rect ink 49.2,31 50.8,36
        rect ink 49.2,76 50.8,81
        rect ink 25,55.2 30,56.8
        rect ink 70,55.2 75,56.8
        poly accent 62,38 54,59 46,53
        poly ink 38,74 46,53 54,59
        oval white 50,56 2.4,2.4
    """,
    "Sleeping Bag": """
        oval shadow 50,82 36,3
        rect main 18,34 82,80 20
        oval dark 26,57 14,23
        oval light 26,57 10,17
        oval dark 26,57 6,10.5
        oval light 26,57 2.6,5
        rect accent 46,33 52,81 1
        rect accent 66,33 72,81 1
        rect deep 47,54 51,60 1
        rect deep 67,54 71,60 1
    """,
    "Binoculars": """
        oval shadow 50,86 36,3
        rect dark 44,34 56,58 3
        rect+ accent 26,14 42,24 3
        poly+ main 27,24 41,24 47,62 47,80 15,80 15,62
        rect+ dark 13,72 47,84 3
        oval+ ink 30,82 14,3.4
        oval accent 50,42 4,4
    """,
    "Picnic Basket": """
        oval shadow 50,88 34,3
        arc dark 5 24,48 24,6 76,6 76,48
        blob white 18,44 50,36 82,44 80,56 66,52 50,58 34,52 20,56
        poly accent 30,42 38,40 40,52 33,53
        poly accent 62,40 70,42 67,53 60,52
        poly main 16,52 84,52 78,88 22,88
        rect dark 13,49 87,56 2
        rect dark 21,83 79,88 1
    """,
    "Headphones": """
        oval shadow 50,90 32,3
        arc main 7 18,62 16,8 84,8 82,62
        arc accent 3 30,24 40,12 60,12 70,24
        rect+ dark 12,52 22,86 5
        rect+ main 17,50 33,88 7
        rect+ accent 29,54 36,84 3
    """,
    "Speaker": """
        oval shadow 50,92 24,3
        rect main 26,8 74,91 6
        oval dark 50,30 12,12
        oval accent 50,30 8,8
        oval ink 50,30 3,3
        oval dark 50,64 19,19
        oval accent 50,64 14,14
        oval ink 50,64 6,6
        oval white 32,86 1.6,1.6
    """,
    "Camera": """
        oval shadow 50,84 38,3
        rect dark 22,20 36,28 2
        poly main 38,30 43,18 61,18 66,30
        rect main 10,26 90,82 6
        rect accent 10,40 90,70
        oval dark 52,55 22,22
        oval ink 52,55 17,17
        oval deep 52,55 11,11
        oval white 46,49 3.6,3.6
        rect white 74,30 85,36 1
        oval pale 18,33 2.6,2.6
    """,
    "Keyboard": "\n".join(
        [
            "rect shadow 8,70 94,76 4",
            "rect dark 6,30 94,73 5",
            "rect main 6,27 94,69 5",
            *(
                f"rect light {11 + 9 * key},{32 + 9 * row} {18 + 9 * key},{39 + 9 * row} 1.4"
                for row in range(3)
                for key in range(9)
            ),
            "rect light 11,59 25,65 1.4",
            "rect accent 29,59 71,65 1.4",
            "rect light 75,59 90,65 1.4",
            "rect accent 11,32 18,39 1.4",
            "rect accent 83,50 90,57 1.4",
        ]
    ),
    "Smartwatch": """
        poly accent 36,4 64,4 67,30 33,30
        poly accent 33,70 67,70 64,96 36,96
        line deep 1.4 44,84 56,84
        line deep 1.4 44,89 56,89
        rect dark 75,44 80,54 2
        rect main 24,24 76,76 14
        rect ink 29,29 71,71 10
        ring pale 3 50,50 15,15
        arc accent 3.4 50,35 66,36 64,54
        line white 2.4 50,50 50,40
        line white 2.4 50,50 57,54
    """,
    "Telescope": """
        oval shadow 50,92 32,3
        line ink 3.4 50,56 28,91
        line ink 3.4 50,56 72,91
        line ink 3.4 50,56 50,91
        poly main 20,52 72,14 82,30 30,66
        poly dark 70,12 80,6 92,24 83,32
        poly accent 13,58 20,52 29,65 22,71
        poly accent 44,34 50,30 60,45 54,49
        oval dark 50,57 5,5
        oval white 16,18 1.6,1.6
        oval white 30,10 2,2
        oval white 10,34 1.4,1.4
    """,
    "Record Player": """
        rect shadow 10,82 92,88 3
        rect dark 8,30 92,84 4
        rect main 8,26 92,80 4
        oval ink 40,53 26,24
        ring dark 0.8 40,53 21,19
        ring dark 0.8 40,53 16,14.5
        oval accent 40,53 8,7.4
        oval white 40,53 1.6,1.6
        oval pale 80,36 6,6
        line pale 3 80,36 80,58 60,66
        oval accent 76,71 2.6,2.6
        oval accent 84,71 2.6,2.6
    """,
    "E-Reader": """
        oval shadow 50,93 24,3
        rect main 22,7 78,92 6
        rect white 28,13 72,78 1
        rect ink 34,21 58,24 1
        rect shadow 34,31 66,33 1
        rect shadow 34,38 66,40 1
        rect shadow 34,45 66,47 1
        rect shadow 34,52 62,54 1
        rect shadow 34,59 66,61 1
        rect shadow 34,66 50,68 1
        oval accent 50,85 3,3
    """,
}
