"""`python -m tinydldl.reproduce`: the tables of the paper, one module each, one name each.

A module holds all of its table: the published figures, the rows, each a change to the training that
all have in common, the cells, and the picture; last `make(trainings, seeds)`, which trains what is
missing and writes the table.
"""

# The module of one has its name, with _ for -.
TABLES = ("table1", "table2", "table3", "table4", "insufficient-data", "figures")
