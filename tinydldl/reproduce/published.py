"""What the paper reports, as data: MAE (years) and epsilon-error, None where it has no figure.

Gao, Zhou, Wu and Geng, IJCAI 2018, and its slides. Sets: ChaLearn 2015, ChaLearn 2016, Morph.
"""

SETS = ("ChaLearn15", "ChaLearn16", "Morph")
NETWORKS = ("tiny", "thin")  # that DLDL-v2 has in TABLE1
NOTHING = ((None, None),) * len(SETS)  # for a row that the paper has not

# (system, whether it was trained on other photos too): MAE and epsilon-error for each of SETS
TABLE1 = {
    ("human", "no"): ((None, 0.34), (None, None), (6.30, None)),
    ("or-cnn", "no"): ((None, None), (None, None), (3.34, None)),
    ("dex", "no"): ((5.369, 0.456), (None, None), (3.25, None)),
    ("dex", "yes"): ((3.252, 0.282), (None, None), (2.68, None)),
    ("dldl", "no"): ((3.51, 0.31), (None, None), (2.42, None)),
    ("ranking", "no"): ((None, None), (None, None), (2.96, None)),
    ("ldae", "yes"): ((None, None), (None, 0.241), (2.35, None)),
    ("dldl-v2 tiny", "no"): ((3.427, 0.301), (3.765, 0.291), (2.291, None)),
    ("dldl-v2 thin", "no"): ((3.135, 0.272), (3.452, 0.267), (1.969, None)),
}


def system(method, net):
    """The row of TABLE1 that `method` on the network `net` is compared with.

    >>> system("dex", "tiny"), system("dldl-v2", "thin")
    (('dex', 'no'), ('dldl-v2 thin', 'no'))
    """
    name = f"dldl-v2 {net}" if method == "dldl-v2" else method
    return (name, "no") if (name, "no") in TABLE1 else (name, "yes")


# the labels of plan.table3, on ThinAgeNet
TABLE3 = {
    ("dldl-v2", "no", "HP"): ((3.399, 0.303), (3.717, 0.290), (2.346, None)),
    ("dldl-v2", "yes", "GAP"): ((3.210, 0.282), (3.539, 0.274), (2.039, None)),
    ("dldl-v2", "yes", "HP"): ((3.135, 0.272), (3.452, 0.267), (1.969, None)),
    ("mr-l2", "yes", "HP"): ((3.665, 0.337), (3.696, 0.294), (2.282, None)),
    ("mr-l1", "yes", "HP"): ((3.655, 0.334), (3.722, 0.301), (2.347, None)),
    ("dex", "yes", "HP"): ((3.558, 0.306), (4.163, 0.332), (2.311, None)),
    ("ranking", "yes", "HP"): ((3.365, 0.298), (3.645, 0.290), (2.164, None)),
    ("er-l1", "yes", "HP"): ((3.287, 0.291), (3.641, 0.282), (2.214, None)),
    ("dldl", "yes", "HP"): ((3.228, 0.285), (3.509, 0.272), (2.132, None)),
}

# the labels of plan.table4, on ThinAgeNet; the column of Morph is not legible but for one row
TABLE4 = {
    ("0.01", "1", "N"): ((3.223, 0.282), (3.493, 0.270), (None, None)),
    ("0.1", "1", "N"): ((3.188, 0.278), (3.455, 0.268), (None, None)),
    ("1", "1", "N"): ((3.135, 0.272), (3.452, 0.267), (1.969, None)),
    ("10", "1", "N"): ((3.144, 0.273), (3.487, 0.270), (None, None)),
    ("1", "4", "N"): ((3.182, 0.276), (3.473, 0.270), (None, None)),
    ("1", "2", "N"): ((3.184, 0.274), (3.484, 0.271), (None, None)),
    ("1", "0.5", "N"): ((3.184, 0.278), (3.484, 0.269), (None, None)),
    ("1", "0.25", "N"): ((3.167, 0.274), (3.459, 0.265), (None, None)),
}
