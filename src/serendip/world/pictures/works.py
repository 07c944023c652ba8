"""Shapes of books, films, records and games, and the motifs of their themes. The language is in `canvas`."""

from __future__ import annotations

from serendip.world.pictures.canvas import Place

MOTIFS = {
    "travel": """
        oval motif2 68,32 10,10
        poly motif 10,76 40,28 70,76
        poly motif2 50,76 68,48 90,76
        poly main 40,28 31,43 37,47 42,41 47,46 49,42
    """,
    "nature": """
        blob motif 50,10 84,30 76,74 50,84 24,74 16,30
        line main 3 50,30 50,92
        line+ main 2.5 50,50 64,38
        line+ main 2.5 50,66 66,54
    """,
    "cookery": """
        half motif 50,50 32,30
        rect motif 40,78 60,84 2
        arc motif2 4 36,42 30,34 42,28 36,18
        arc motif2 4 50,42 44,34 56,28 50,18
        arc motif2 4 64,42 58,34 70,28 64,18
    """,
    "space": """
        oval motif 50,50 21,21
        arc motif2 4.5 24,58 10,74 34,70 58,56 86,34 84,22 70,32
        oval motif 22,24 2.5,2.5
        oval motif 80,74 3,3
        oval motif2 32,82 2,2
        oval motif2 62,16 2,2
    """,
    "technology": """
        line+ motif2 3 40,20 40,80
        line motif2 3 50,20 50,80
        line motif2 3 20,40 80,40
        line motif2 3 20,50 80,50
        line motif2 3 20,60 80,60
        rect motif 30,30 70,70 5
        rect main 40,40 60,60 3
    """,
    "mystery": """
        oval motif 50,38 17,17
        poly motif 42,44 58,44 66,82 34,82
        oval main 50,38 6,6
        poly main 47,40 53,40 56,58 44,58
    """,
    "romance": """
        oval+ motif 36,38 16.5,16.5
        poly motif 21.5,46 78.5,46 50,82
        rect motif 36,36 64,47
        oval motif2 35,35 5,5
    """,
    "history": """
        poly motif 14,36 50,16 86,36
        rect motif2 18,39 82,44
        rect+ motif 22,47 32,72
        rect motif 45,47 55,72
        rect motif 14,75 86,83
    """,
    "comedy": """
        oval motif 50,50 33,33
        oval+ main 38,42 4.5,6
        half main 50,54 19,18
        half motif2 50,64 10,7
    """,
    "sport": """
        ring+ motif2 4 32,34 11,11
        poly motif 32,20 68,20 64,48 55,58 45,58 36,48
        rect motif 46,56 54,72
        rect motif 33,72 67,81 2
        oval main 50,36 6,6
    """,
    "design": """
        rect motif 18,36 52,70
        oval motif2 64,36 19,19
        poly motif 46,84 66,48 86,84
    """,
    "fantasy": """
        poly motif2 50,38 50,10 70,18 50,26
        poly motif 26,84 26,38 35,38 35,46 42,46 42,38 58,38 58,46 65,46 65,38 74,38 74,84
        rect main 43,62 57,90 7
        rect+ main 33,54 38,62 2
    """,
}

DRAWINGS = {
    "Hardback": """
        rect shadow 25,86 80,90 2
        rect dark 24,12 76,88 3
        rect white 30,82 74,86
        rect main 24,12 76,82 3
        rect dark 24,12 31,84 2
        rect motif 40,67 68,69.5 1
        rect motif2 45,73 63,75 1
    """,
    "Paperback": """
        rect shadow 26,86 79,89 2
        poly white 28,87 75,87 77,84 77,14 75,12
        rect main 26,11 74,85 1
        rect motif2 26,11 74,20 1
        rect motif 35,70 65,72.5 1
        rect motif2 40,76 60,78 1
    """,
    "Illustrated Book": """
        rect shadow 15,80 88,84 2
        rect dark 14,22 86,82 3
        rect white 20,76 84,80
        rect main 14,22 86,76 3
        rect dark 14,22 20,78 2
        rect motif2 74,22 77,76
    """,
    "Feature Film": """
        rect shadow 26,90 78,93 2
        rect white 23,8 77,91 1
        rect main 26,11 74,88
        rect motif 34,73 66,76 1
        rect motif2 38,79 62,81 1
        rect motif2 42,83.5 58,85 1
    """,
    "Documentary": """
        rect shadow 16,82 88,86 2
        rect ink 13,18 87,82 3
        rect main 24,24 76,76 1
        rect+ paper 16,22 21,29 1
        rect+ paper 16,34 21,41 1
        rect+ paper 16,46.5 21,53.5 1
        rect+ paper 16,59 21,66 1
        rect+ paper 16,71 21,78 1
    """,
    "Animated Film": """
        rect shadow 18,84 86,88 2
        poly ink 13,31 84,12 87,22 16,41
        poly white 26,27.5 36,24.9 32,36.5 22,39.2
        poly white 46,22.2 56,19.6 52,31.2 42,33.9
        poly white 66,16.9 76,14.2 72,25.8 62,28.5
        rect main 14,38 86,84 3
        rect ink 14,38 86,46 2
        line white 3 24,42 40,42
    """,
    "Series": """
        line ink 3 36,10 50,24 64,10
        rect shadow 20,84 84,88 3
        rect ink 12,22 88,80 6
        rect main 17,27 74,75 4
        oval pale 81,36 3,3
        oval pale 81,46 3,3
        rect+ ink 24,80 30,87 1
    """,
    "sleeve": """
        rect shadow 14,83 92,87 2
        oval ink 66,50 27,27
        ring dark 0.8 66,50 22,22
        ring dark 0.8 66,50 17,17
        oval pale 66,50 8,8
        rect main 12,18 72,82 1
    """,
    "Board Game": """
        rect shadow 14,84 90,88 2
        poly dark 12,28 24,18 88,18 76,28
        rect main 12,28 76,84 1
        poly dark 76,28 88,18 88,74 76,84
        rect white 73,66 91,84 3
        oval ink 78,71 1.8,1.8
        oval ink 86,71 1.8,1.8
        oval ink 82,75 1.8,1.8
        oval ink 78,79 1.8,1.8
        oval ink 86,79 1.8,1.8
    """,
    "Video Game": """
        oval shadow 50,89 36,3
        rect main 26,8 74,60 2
        blob ink 18,62 34,52 66,52 82,62 94,92 80,96 66,82 34,82 20,96 6,92
        rect white 26,65 38,69 1
        rect white 30,61 34,73 1
        oval pale 67,64 2.6,2.6
        oval pale 73,70 2.6,2.6
        oval pale 61,70 2.6,2.6
        oval pale 67,76 2.6,2.6
    """,
    "Card Game": """
        poly shadow 22,90 84,90 84,86 22,86
        poly white 12,32 44,14 66,60 34,80
        poly pale 15,34 42,19 61,58 35,74
        rect white 38,14 84,84 4
        rect main 42,18 80,80 2
    """,
    "Jigsaw": """
        rect shadow 18,86 86,89 2
        rect main 16,16 84,84 1
        line paper 1.4 50,16 50,28
        line paper 1.4 50,38 50,84
        line paper 1.4 16,50 62,50
        line paper 1.4 72,50 84,50
        ring paper 1.4 55,33 5,5
        ring paper 1.4 67,45 5,5
        ring paper 1.4 33,55 5,5
        poly paper 66,66 86,66 86,86 66,86
        rect main 70,71 87,88 1
        oval main 69,79 4,4
    """,
}
"""By kind; `sleeve` is every record."""

RECORD_MARKS = {
    "Folk": "poly motif2 18,76 28,70 66,70 66,76",
    "Jazz": "rect motif2 18,70 44,76\nrect motif 48,70 66,76",
    "Electronic": "line motif2 2 18,73 26,73 30,67 36,79 42,67 48,79 52,73 66,73",
    "Classical": "rect motif2 18,70 66,71\nrect motif2 18,73 66,74\nrect motif2 18,76 66,77",
    "Pop": "oval motif2 24,73 4,4\noval motif 36,73 4,4\noval motif2 48,73 4,4\noval motif 60,73 4,4",
    "Rock": "poly motif2 18,77 26,68 30,77 38,68 42,77 50,68 54,77 62,68 66,77",
    "Ambient": "arc motif2 2 18,74 28,66 40,82 54,66 66,74",
    "Lo-fi": "rect motif2 18,70 66,77 3\noval main 30,73.5 2.4,2.4\noval main 54,73.5 2.4,2.4",
}

MOTIF_PLACES = {
    "Hardback": Place(0.46, 3.5, -10),
    "Paperback": Place(0.5, 0, -5),
    "Illustrated Book": Place(0.52, -3, -1),
    "Feature Film": Place(0.56, 0, -8),
    "Documentary": Place(0.56),
    "Animated Film": Place(0.4, 0, 15),
    "Series": Place(0.52, -4.5, 1),
    "sleeve": Place(0.58, -8, -5),
    "Board Game": Place(0.6, -6, 4),
    "Video Game": Place(0.42, 0, -18),
    "Card Game": Place(0.42, 11, -1),
    "Jigsaw": Place(0.78),
}
