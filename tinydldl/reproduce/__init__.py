"""`python -m tinydldl.reproduce`: the tables of the paper.

plan          their rows, and the trainings that each needs
trainings     runs them, and holds their figures
published     the paper's own figures
render        from figures to Markdown and CSV
pictures      the same, drawn
write         a table from its plan to its files
"""
