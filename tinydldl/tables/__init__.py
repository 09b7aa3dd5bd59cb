"""The tables of the paper: their rows, the trainings behind them, and what is printed beside them.

`plan`: which trainings a table needs; `grid`: runs them, and holds their figures; `published`: the
paper's own figures; `render`: from figures to Markdown, CSV and a picture.
"""
