"""Shapes of what is in kitchens and rooms. The language is in `canvas`."""

from __future__ import annotations

DRAWINGS = {
    "Moka Pot": """
        oval shadow 50,89 26,3
        oval accent 49,13 4,4
        poly dark 36,22 49,15 62,22
        poly main 34,22 26,26 32,34 37,52 61,52 65,22
        rect dark 36,52 62,57
        poly main 37,57 61,57 68,88 30,88
        line+ dark 1.4 44,58 41,87
        line accent 5 64,27 80,27 77,56
    """,
    "Saucepan": """
        oval shadow 42,80 30,3
        line accent 6 66,46 94,40
        oval accent 39,25 4,3.4
        poly dark 14,38 22,30 56,30 66,38
        rect dark 11,37 69,42 2
        blob main 13,42 13,42 67,42 67,42 66,78 58,80 22,80 14,78
        line light 3 21,50 22,68
    """,
    "Teapot": """
        oval shadow 48,82 28,3
        ring accent 5 72,54 16,17
        poly main 26,50 10,34 16,32 34,60
        oval main 48,58 27,24
        oval accent 48,27 4,4
        blob dark 32,40 36,30 60,30 64,40
        rect dark 36,79 60,83 1
        arc light 3 30,58 30,48 38,42
    """,
    "Chef's Knife": """
        oval shadow 50,74 38,2.4
        blob main 4,38 4,38 62,38 62,38 62,60 62,60 40,60 18,54
        line light 2 14,42 58,42
        rect dark 61,37 66,61 1
        blob accent 65,38 94,38 97,42 95,52 84,50 65,52
        oval white 72,45 1.8,1.8
        oval white 80,45 1.8,1.8
        oval white 88,45 1.8,1.8
    """,
    "Mug": """
        oval shadow 46,85 26,3
        ring dark 6 69,52 17,18
        blob main 22,24 22,24 68,24 68,24 66,84 58,86 32,86 24,84
        oval dark 45,24 23,5
        oval ink 45,25 19,3.4
        rect accent 22.6,46 67.4,52
        rect accent 22.8,56 67.2,59
        arc shadow 2.6 38,16 34,11 42,8 38,2
        arc shadow 2.6 52,16 48,11 56,8 52,2
    """,
    "Chopping Board": """
        poly shadow 26,90 78,90 76,94 28,94
        rect main 40,5 60,34 9
        oval paper 50,15 4,4
        rect main 24,26 76,91 7
        oval accent 42,52 9,9
        oval pale 42,52 6.4,6.4
        oval accent 58,66 9,9
        oval pale 58,66 6.4,6.4
        line deep 1.4 42,47 42,57
        line deep 1.4 37,52 47,52
        line deep 1.4 58,61 58,71
        line deep 1.4 53,66 63,66
    """,
    "Protein Shaker": """
        oval shadow 50,91 20,3
        line ink 3 62,14 70,8 74,16
        rect accent 44,8 58,18 2
        rect accent 31,16 69,30 4
        poly main 32,30 68,30 64,90 36,90
        line dark 2 56,44 63,44
        line dark 2 56,54 62,54
        line dark 2 56,64 62,64
        line dark 2 56,74 61,74
        line light 3 40,38 42,80
    """,
    "Casserole": """
        oval shadow 50,84 38,3
        rect+ dark 6,46 18,55 4
        oval accent 50,23 5.5,4.5
        blob dark 12,42 26,28 74,28 88,42
        rect light 11,40 89,45 2
        blob main 13,45 13,45 87,45 87,45 86,82 74,84 26,84 14,82
        line light 3 22,54 24,70
    """,
    "Table Lamp": """
        oval shadow 50,91 24,3
        poly glow 34,46 66,46 80,88 20,88
        poly accent 36,10 64,10 78,46 22,46
        poly deep 22,46 78,46 77,43 23,43
        rect main 47,46 53,80
        blob main 36,70 64,70 68,90 32,90
        line ink 1.4 62,46 62,56
        oval ink 62,58 1.6,1.6
    """,
    "Vase": """
        oval shadow 50,91 18,3
        line fern 2.2 48,44 36,16
        line fern 2.2 50,44 52,12
        line fern 2.2 52,44 66,20
        oval accent 35,14 7,7
        oval accent 52,9 7,7
        oval accent 67,18 7,7
        oval white 35,14 2.6,2.6
        oval white 52,9 2.6,2.6
        oval white 67,18 2.6,2.6
        blob main 41,40 59,40 56,54 76,66 68,92 32,92 24,66 44,54
        rect dark 41,40 59,44 1
        arc dark 2 31,70 42,75 58,75 69,70
    """,
    "Throw Blanket": """
        oval shadow 50,86 38,3
        rect dark 12,62 88,84 9
        rect main 12,44 88,66 9
        rect dark 12,64 88,66
        rect light 12,26 88,48 9
        rect main 12,26 84,46 9
        rect accent 58,26 68,84
        rect accent 72,26 75,84
        line dark 1.8 20,84 20,90
        line dark 1.8 28,84 28,90
        line dark 1.8 36,84 36,90
        line dark 1.8 44,84 44,90
        line dark 1.8 52,84 52,90
    """,
    "Candle": """
        oval shadow 50,89 22,3
        oval white 50,22 16,18
        blob flame 50,2 59,20 56,33 44,33 41,20
        blob glow 50,14 55,23 54,31 46,31 45,23
        line ink 2 50,28 50,40
        rect main 30,38 70,88 4
        oval light 50,39 20,4.5
        rect white 36,54 64,74 2
        rect accent 40,60 60,62.5 1
        rect pale 43,66 57,68 1
    """,
    "Wall Clock": """
        oval shadow 53,53 38,38
        oval main 50,50 38,38
        oval white 50,50 30,30
        rect dark 49,22 51,28
        rect dark 49,72 51,78
        rect dark 22,49 28,51
        rect dark 72,49 78,51
        oval dark 65,26 1.2,1.2
        oval dark 74,35 1.2,1.2
        oval dark 35,26 1.2,1.2
        oval dark 26,35 1.2,1.2
        oval dark 26,65 1.2,1.2
        oval dark 74,65 1.2,1.2
        oval dark 35,74 1.2,1.2
        oval dark 65,74 1.2,1.2
        line ink 3 50,50 39,37
        line ink 2.2 50,50 64,34
        line accent 1.4 50,56 50,30
        oval accent 50,50 3,3
    """,
    "Armchair": """
        oval shadow 50,90 34,3
        poly+ ink 26,80 32,80 28,91 24,91
        blob dark 24,14 76,14 80,66 20,66
        blob main 28,18 72,18 74,64 26,64
        rect light 26,56 74,70 5
        rect dark 24,68 76,82 3
        blob+ main 12,46 28,44 30,82 12,82
        rect accent 40,40 60,58 4
    """,
    "Cushion": """
        oval shadow 50,86 34,3
        blob main 10,12 50,22 90,12 80,50 90,88 50,78 10,88 20,50
        poly accent 50,30 70,50 50,70 30,50
        poly main 50,38 62,50 50,62 38,50
        oval accent 50,50 4,4
        oval+ deep 18,20 2.4,2.4
        oval+ deep 18,80 2.4,2.4
    """,
    "Plant Pot": """
        oval shadow 50,90 22,3
        blob fern 50,56 44,34 50,4 58,34
        blob+ leaf 48,58 30,44 14,18 42,30
        blob+ fern 46,58 24,60 8,46 36,42
        poly main 30,58 70,58 64,90 36,90
        rect dark 27,54 73,62 2
        line light 3 37,66 40,82
        poly accent 32,67 68,67 67.2,71 32.8,71
    """,
}
