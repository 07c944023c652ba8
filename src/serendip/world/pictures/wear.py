"""Shapes of clothing and shoes. The language is in `canvas`."""

from __future__ import annotations

DRAWINGS = {
    "Cardigan": """
        oval shadow 50,91 26,3
        poly main 36,18 23,24 10,72 21,76 30,48 29,87 71,87 70,48 79,76 90,72 77,24 64,18
        poly paper 37,16 63,16 50,46
        line+ dark 3.4 37.5,18 50,46
        line dark 3.4 50,46 50,86
        rect dark 29,82 71,88 1
        line+ dark 4 11.5,71 20.5,74
        oval accent 50,54 1.9,1.9
        oval accent 50,63 1.9,1.9
        oval accent 50,72 1.9,1.9
    """,
    "T-Shirt": """
        oval shadow 50,90 24,3
        poly main 36,18 22,25 9,44 22,54 30,46 30,86 70,86 70,46 78,54 91,44 78,25 64,18
        half paper 50,17 14,12
        arc dark 2.6 36,18 40,30 60,30 64,18
        line+ dark 1.4 30,46 30.5,58
        rect accent 30,56 70,60
        rect accent 30,63 70,65
    """,
    "Parka": """
        oval shadow 50,93 28,3
        blob dark 50,4 68,12 68,36 50,42 32,36 32,12
        blob ink 50,13 60,18 60,32 50,36 40,32 40,18
        poly main 36,27 22,33 12,74 24,78 30,56 27,92 73,92 70,56 76,78 88,74 78,33 64,27
        arc pale 5 35,26 40,38 60,38 65,26
        line accent 2.4 50,38 50,92
        rect+ dark 32,64 45,77 2
        line+ accent 1.6 33,67 44,67
        line+ dark 4 13.5,72 23.5,75
    """,
    "Dress": """
        oval shadow 50,92 28,3
        line+ main 3 42,10 40,26
        poly main 38,22 44,26 56,26 62,22 60,46 80,88 66,91 50,92 34,91 20,88 40,46
        poly accent 39.8,43 60.2,43 61,49 39,49
        line+ dark 1.6 45,52 39,88
        line dark 1.6 50,52 50,90
        arc dark 2 22,84 36,89 64,89 78,84
    """,
    "Trousers": """
        oval shadow 50,92 26,3
        poly main 33,10 67,10 74,90 57,90 50,42 43,90 26,90
        poly dark 33,10 67,10 67.6,17 32.4,17
        rect accent 47,11.5 53,16 1
        line dark 1.8 50,17 50,42
        line+ dark 1.6 37,18 33,28
        line+ dark 1.2 39,34 35,86
    """,
    "Shirt": """
        oval shadow 50,91 24,3
        poly main 37,16 23,23 11,72 21,76 30,48 30,88 70,88 70,48 79,76 89,72 77,23 63,16
        poly paper 42,13 58,13 50,24
        poly+ light 41,12 50,24 43,33 34,20
        line dark 1.6 50,26 50,88
        oval accent 50,37 1.7,1.7
        oval accent 50,49 1.7,1.7
        oval accent 50,61 1.7,1.7
        oval accent 50,73 1.7,1.7
        rect dark 55,42 65,53 1
        line+ light 4 12.5,71 20.5,74
    """,
    "Scarf": """
        oval shadow 52,93 20,3
        poly dark 36,36 50,38 46,80 31,78
        poly main 50,36 66,34 74,84 57,88
        blob main 24,16 76,16 84,32 72,48 50,52 28,48 16,32
        blob paper 34,20 66,20 68,30 50,36 32,30
        poly accent 54.5,68 70.4,65 71.4,71 55.5,74
        poly accent 56.2,79 72.2,75 72.9,78.6 56.8,82.4
        line main 1.8 59,87 60,92
        line main 1.8 64,86 65,91
        line main 1.8 69,85 70,90
        line dark 1.8 34,78 33,83
        line dark 1.8 39,79 38,84
        line dark 1.8 44,80 43,85
    """,
    "Turtleneck": """
        oval shadow 50,91 26,3
        rect main 39,8 61,30 5
        poly main 39,20 24,26 11,72 22,76 30,50 29,87 71,87 70,50 78,76 89,72 76,26 61,20
        arc dark 2.2 39,19 44,22 56,22 61,19
        rect dark 29,82 71,88 1
        line+ dark 4 12.5,71 21.5,74
        rect accent 30,50 70,55
        line+ dark 1.4 30,50 30,60
    """,
    "Hiking Boots": """
        oval shadow 54,86 36,3
        blob main 24,20 54,20 56,44 66,52 88,56 90,78 22,78 24,40
        blob dark 70,56 90,58 90,76 72,76
        rect light 24,20 54,27 3
        rect ink 20,74 90,83 3
        rect ink 22,82 32,87 1
        rect ink 38,82 48,87 1
        rect ink 56,82 66,87 1
        rect ink 74,82 86,87 1
        line accent 2.4 42,34 55,32
        line accent 2.4 43,41 57,39
        line accent 2.4 46,48 61,46
        line accent 2.4 52,54 67,51
        rect dark 22,48 32,74 3
    """,
    "Running Shoes": """
        oval shadow 50,82 40,3
        blob main 12,36 28,34 36,48 52,38 70,56 94,60 94,78 10,78
        blob dark 10,44 22,46 24,76 8,76
        poly accent 40,72 54,50 60,54 50,72
        poly accent 54,72 65,58 70,60 63,72
        line white 2.2 47,48 55,44
        line white 2.2 53,53 61,48
        blob white 6,70 50,74 97,66 96,82 8,82
        line accent 2 12,80 90,79
    """,
    "Loafers": """
        oval shadow 50,82 40,3
        blob main 10,40 24,40 36,54 54,44 74,52 95,62 94,80 8,80
        blob ink 15,45 24,45 38,59 48,55 30,66 16,58
        blob dark 44,50 58,42 72,52 60,62
        rect accent 47,50 66,55 2
        rect ink 8,74 94,79 2
        rect ink 8,76 30,85 1
    """,
    "Sandals": """
        oval shadow 52,82 40,3
        blob dark 8,72 30,70 60,74 94,66 96,80 60,84 8,82
        arc main 6 18,74 16,44 26,38 36,46 38,74
        arc main 7 54,76 58,52 76,52 86,70
        arc accent 4 36,54 48,50 58,58
        rect accent 14,48 20,55 1
    """,
    "Sneakers": """
        oval shadow 50,83 40,3
        blob main 14,32 34,32 42,48 60,52 92,58 93,78 12,78
        blob white 76,58 94,62 94,76 78,76
        rect white 9,72 94,82 4
        rect accent 9,76.5 94,78.5
        line white 2.4 36,46 45,40
        line white 2.4 42,51 51,45
        line white 2.4 49,55 58,49
        rect accent 12,42 21,60 2
        line dark 1.6 30,36 34,70
    """,
    "Chelsea Boots": """
        oval shadow 54,88 36,3
        rect accent 24,8 31,20 2
        blob main 24,14 24,14 56,14 56,14 56,50 68,58 92,62 92,80 24,80 22,60 24,60
        poly ink 38,17 48,17 46,50 40,50
        line dark 1 41.5,18 42,48
        line dark 1 44.5,18 44,48
        rect dark 24,13 56,17 1
        rect ink 22,76 91,81 2
        rect ink 22,79 42,89 1
    """,
    "Ballet Flats": """
        oval shadow 50,80 40,3
        blob main 8,48 20,44 30,60 54,64 66,48 92,58 97,78 50,78 6,78
        blob ink 13,53 22,51 34,63 54,67 62,60 50,71 20,66
        line dark 2.6 11,77 91,77
        poly accent 68,56 59,48 59,63
        poly accent 68,56 78,49 78,63
        oval deep 68,56 2.8,2.8
    """,
    "Slippers": """
        oval shadow 50,80 40,3
        blob dark 8,64 50,66 94,62 94,78 8,78
        blob main 34,66 40,40 66,38 94,56 95,74 36,74
        blob white 30,66 36,40 48,36 52,44 44,68
        oval accent 68,46 6.5,6.5
        oval pale 66,44 2,2
        rect ink 8,74 94,78 2
    """,
}
