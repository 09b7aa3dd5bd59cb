"""What each table does: train what is missing, print the table, and write it with its picture."""

from tinydldl import datasets, plots, report, trained
from tinydldl.bench import costs
from tinydldl.datasets import DATASETS, DataError, selection
from tinydldl.files import replacing, write_table
from tinydldl.labels import label_grid
from tinydldl.report import Estimates
from tinydldl.reproduce import pictures, plan, published, render
from tinydldl.train.runs import RUNS


def table1(grid, seeds):
    """Systems side by side."""
    found, net = grid.run(plan.table1(), seeds), grid.base.net
    table = render.table1(found, net)
    figures = {r.label: published.TABLE1[published.system(*r.label, net)] for r in found}
    # of the published figures only those on Morph are there for all of these systems
    picture = pictures.rows_beside_published(found, figures, table.title, "Morph")
    put(grid, "table1", table, picture)


def table2(grid, seeds):
    """What the networks cost; nothing is trained."""
    measured = costs.measure()
    table = render.table2(measured)
    put(grid, "table2", table, pictures.costs(measured, table.title))


def table3(grid, seeds):
    """The ablation, and seven methods."""
    found = grid.run(plan.table3(), seeds)
    table = render.table3(found)
    picture = pictures.rows_beside_published(found, published.TABLE3, table.title)
    put(grid, "table3", table, picture)
    epochs = pictures.epochs_of_methods(found[2:], grid.epochs, f"Seven methods, seed {seeds[0]}")
    write_figure(grid.folder / "table3-epochs.png", epochs)


def table4(grid, seeds):
    """Lambda and the step of the label grid."""
    found = grid.run(plan.table4(grid.base), seeds)
    table = render.table4(found)
    picture = pictures.rows_beside_published(found, published.TABLE4, table.title)
    put(grid, "table4", table, picture)


def insufficiency(grid, seeds):
    """Fewer photos to train on."""
    photos = grid.photos_to_train_on(seeds[0])
    found = grid.run(plan.insufficiency(grid.base, photos), seeds)
    table = render.insufficiency(found)
    put(grid, "insufficiency", table, pictures.sizes(found, table.title))


def figures(grid, seeds):
    """Histograms of ages, the figure on ranking, and good and poor examples of DLDL-v2."""
    write_figure(grid.folder / "ages.png", pictures.histograms(ages_at_hand(grid.base)))
    ranking = pictures.ranking_is_a_distribution(label_grid())
    write_figure(grid.folder / "ranking.png", ranking)
    base = plan.Row(("dldl-v2",))
    grid.run([base], seeds[:1])
    photos, folder = grid.photos(seeds[0]), RUNS / grid.folder.name / plan.name_of({}, seeds[0])
    network = trained.load(folder)
    prediction, _ = network.predict(photos.valid, grid.base.batch)
    estimates = Estimates.of(network.method, prediction, photos.valid.photos)
    drawn = report.pictures(estimates, photos.valid, "DLDL-v2: good and poor examples")
    # beside the network, not beside the tables: it shows photos, which may not be published
    write_figure(folder / "examples.png", drawn["examples.png"])


def ages_at_hand(arguments):
    """{data set: {part: ages}} of the chosen set, and of all others that are in the data folder."""
    options, missing = datasets.options_from(arguments), []
    chosen = selection.load(arguments.dataset, options, arguments.size, arguments.limit)
    found = {arguments.dataset: chosen}
    for name in sorted(DATASETS.keys() - {"synthetic", "csv"} - found.keys()):
        try:
            found[name] = datasets.load(name, options)
        except DataError:
            missing.append(name)
    print(f"data sets that are not in {arguments.data_dir}: {', '.join(missing) or 'none'}")
    return {name: {part: p.ages for part, p in parts.items()} for name, parts in found.items()}


def put(grid, name, table, picture):
    """Print a table, and write it as Markdown, as CSV, and its picture."""
    text = table.markdown()
    print("\n" + text)
    with replacing(grid.folder / f"{name}.md") as file:
        file.write(text.encode())
    write_table(grid.folder / f"{name}.csv", table.header, table.dicts())
    write_figure(grid.folder / f"{name}.png", picture)


def write_figure(path, figure):
    """Write a picture, and say where."""
    plots.save(figure, path)
    print(f"picture   {path}")


TABLES = {
    "table1": table1,
    "table2": table2,
    "table3": table3,
    "table4": table4,
    "insufficiency": insufficiency,
    "figures": figures,
}
