"""The rules of the house that a machine can hold: layers, sizes, notebooks, names, packages."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import journeylib
from journeylib import glossary, tables

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MODULES = sorted((ROOT / "journeylib").glob("*.py"))
BLOCKS = [
    "1 · Question", "2 · Parameters", "3 · Load", "4 · Look", "5 · Analyse", "6 · Read the result",
    "7 · Check", "8 · Hand over",
]  # fmt: skip
TAGS = {
    "answer", "block", "check", "code", "detail", "exercise", "figure", "parameters", "sentence",
    "solution", "table", "teach", "title",
}  # fmt: skip
LAYERS: dict[str, str] = {
    "words": "errors estimates tables glossary",
    "in": (
        "params settings inputs interventions calendars whatifs sections values yaml_tree "
        "handbook beliefs "
        "exports nested headers guesses sketches fittings drafts "
        "formats archives raw records textfiles workbooks databases xes spool decoding happenings "
        "columns contracts mappings numbers profiles remarks rejects rows times zones delimited "
        "expressions sources identity keychain keys linkage phones rekeying "
        "privacy redaction redaction_names redaction_numbers masking suppression forgotten "
        "quality voices subratings baskets log logbook engine "
        "findings census absences fillers repeats contradictions months gaps volumes rhythms "
        "suspects survivors needs "
        "samples sample_clothing sample_clothing_files sample_clothing_truth sample_files "
        "sample_hotels sample_hotels_files sample_hotels_truth sample_parts sample_software "
        "sample_software_files sample_software_truth sample_words"
    ),
    "analysis": (
        "support pooling tones wordings languages strains agreement "
        "summaries quantiles exposures hazards ratios journeys stages personas scores emotion "
        "comparisons onward moods inconsistency subgroups shrinkage exits truths dating "
        "loyalty traits pains impact payback realised plans trials arms splits panels units "
        "changes series verdicts "
        "staggered synthetic mixtures looks ratio_metrics "
        "phrases treatments strata segments guardrails precision outliers falsifications "
        "collapsed periods pretrends rivals rollouts autoregression lines trendshapes "
        "scaling clusters habits features outcomes portraits "
        "durations passages sojourns flows occupancy representatives rework consistency detours "
        "suggestions cohorts tenure memory alignment "
        "evidence activity losses moments outlook crowds "
        "feedback comments vocabulary codebook topics theme_search theme_cells theme_links quotes "
        "quoting trends judgements "
        "splines logits histories encounters landmarks cases propensities association worth "
        "ledgers money pricelist "
        "likelihoods buying futures clv holdouts renewals subscriptions arrivals replies "
        "windows antecedents learners predict calibration successions continuations prospects "
        "peers "
        "footprints scenarios chains grounds simulate attribution homogeneity drift omissions "
        "shapley fits questions drivers remedies testplans opportunities openings recuts "
        "robustness"
    ),
    "out": (
        "accounts theme views labels charts chart_parts coverage_charts source_charts "
        "impact_charts journey_map map_cards map_dots map_ghosts map_key map_lanes map_style "
        "map_twin emotion_lane svg_parts road_charts stay_charts road_prose money_prose prose "
        "exhibits export persona_cards card_parts pain_charts voice_charts voice_prose "
        "impact_prose "
        "predict_charts predict_prose loyalty_charts loyalty_prose "
        "driver_charts future_charts future_prose drift_charts drift_prose action_prose peer_charts"
    ),
    "run": (
        "collect logplans workspace steps atlas grouping feelings weighing hearing "
        "kernels endings outputs witness forkclient forkserver provisioner warmkernel "
        "fingerprints locks kept executors runplan failures preflight standing clientrun "
        "predicting valuing foresight respecify imagining crediting revisiting mixes "
        "pastresults trying verdict_cards returns assumptions batch report portfolio progress "
        "swaps history digests provenance benchmark_page reproduce "
        "lessons answers syllabus trainer checkup forgetting retention doctor cli"
    ),
}
LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names.split()}
ORDER = list(LAYERS)
LONGEST_MODULE, LONGEST_FUNCTION, LONGEST_CELL = 400, 45, 12
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def tags_of(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def imports_of(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("journeylib"):
            parts = str(node.module).split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found - {"_faststart", "__version__"}


# ---------------------------------------------------------------- library


@each_module
def test_every_module_has_a_layer_and_imports_only_upwards(path):
    if path.stem in {"__init__", "_faststart"}:
        return
    assert path.stem in LAYER_OF, f"{path.stem} has no layer; name it in docs/architecture.md too"
    own = ORDER.index(LAYER_OF[path.stem])
    down = {
        name
        for name in imports_of(ast.parse(path.read_text()))
        if ORDER.index(LAYER_OF[name]) > own
    }
    assert not down, f"{path.stem} imports from a layer below it: {down}"


@each_module
def test_modules_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            doc = ast.get_docstring(node) or ""
            length = (node.end_lineno or 0) - node.lineno - doc.count("\n")
            assert length <= LONGEST_FUNCTION, f"{path.stem}.{node.name} has {length} lines"


@each_module
def test_nothing_prints_and_nothing_is_left_to_do(path):
    text = path.read_text()
    left = "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "Not" + "ImplementedError"])
    assert not re.search(rf"\b({left})\b", text)
    assert not re.search(r"\bread_pickle\b|\bpickle\.load|\byaml\.load\(", text)


def test_every_module_stands_in_the_table_of_layers_once():
    names = [name for names in LAYERS.values() for name in names.split()]
    assert len(names) == len(set(names))
    assert set(names) == {path.stem for path in MODULES} - {"__init__", "_faststart"}


def test_importing_the_library_loads_no_heavy_package():
    heavy = "{'pandas', 'numpy', 'matplotlib', 'duckdb', 'papermill', 'nbformat'}"
    code = f"import journeylib.cli, sys; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_public_name_can_be_reached():
    for name in journeylib.__all__:
        assert getattr(journeylib, name) is not None
    with pytest.raises(AttributeError, match="no 'no_such_name'"):
        journeylib.no_such_name  # noqa: B018


def test_the_glossary_explains_every_metric():
    from journeylib.settings import METRICS

    assert set(METRICS) <= set(glossary.TERMS)


def test_estimate_tables_end_in_the_six_columns():
    for name, columns in tables.RESULTS.items():
        if "*" in columns:
            assert tables.result_columns(name)[-6:] == [
                "value",
                "low",
                "high",
                "n",
                "unit",
                "source",
            ]


# ---------------------------------------------------------------- notebooks


@each_notebook
def test_the_eight_blocks_stand_in_order(path):
    headings = [
        cell.source.removeprefix("## ")
        for cell in nbformat.read(path, 4).cells
        if cell.cell_type == "markdown" and "block" in tags_of(cell)
    ]
    assert headings == BLOCKS


@each_notebook
def test_cells_are_short_and_define_nothing(path):
    for cell in code_cells(path):
        assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source
        assert not re.search(r"^\s*(def|class|for|while|try|with|if)\b", cell.source, re.M), (
            cell.source
        )
        assert not re.search(r"\bprint\(|\bopen\(|read_csv|f\"|f'|\.format\(|round\(", cell.source)


@each_notebook
def test_no_path_stands_in_a_cell_but_the_parameter(path):
    for cell in code_cells(path):
        if "parameters" not in tags_of(cell):
            assert "/" not in re.sub(r"\s/\s", "", cell.source), cell.source


@each_notebook
def test_half_of_the_cells_have_three_lines_or_fewer(path):
    lengths = sorted(len(cell.source.splitlines()) for cell in code_cells(path))
    assert lengths[len(lengths) // 2] <= 5


@each_notebook
def test_every_parameter_is_typed_and_explained(path):
    import papermill

    (cell,) = [cell for cell in code_cells(path) if "parameters" in tags_of(cell)]
    found = papermill.inspect_notebook(str(path))
    assert len(found) == len(cell.source.splitlines()), "papermill could not read a line"
    assert all(one["help"] and one["inferred_type_name"] == "str" for one in found.values())


@each_notebook
def test_no_number_is_typed_where_the_result_is_read(path):
    cells = nbformat.read(path, 4).cells
    start = next(i for i, cell in enumerate(cells) if cell.source.startswith("## 6 ·"))
    stop = next(i for i, cell in enumerate(cells) if cell.source.startswith("## 7 ·"))
    for cell in cells[start + 1 : stop]:
        if cell.cell_type == "markdown":
            assert not re.search(r"\d", cell.source), cell.source


@each_notebook
def test_no_output_is_stored_and_the_kernel_is_python3(path):
    notebook = nbformat.read(path, 4)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in code_cells(path):
        assert not cell.outputs
        assert cell.execution_count is None
        assert "papermill" not in cell.metadata


@each_notebook
def test_tags_are_known_and_prose_outweighs_code(path):
    cells = nbformat.read(path, 4).cells
    assert {tag for cell in cells for tag in tags_of(cell)} <= TAGS
    code = sum(len(c.source.splitlines()) for c in cells if c.cell_type == "code")
    words = sum(len(c.source.split()) for c in cells if c.cell_type == "markdown")
    assert words >= 3 * code


# ---------------------------------------------------------------- words and packages


def test_banned_words_stand_in_no_notebook_page_or_sentence():
    banned = re.compile(
        r"\b(users?|leverag\w+|magic|simply|insights?|significant(ly)?|drop-?off)\b", re.I
    )
    pages = [*NOTEBOOKS, ROOT / "README.md", ROOT / "journeylib" / "prose.py"]
    for path in pages:
        text = path.read_text()
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, 4).cells
            text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        found = banned.search(text)
        assert found is None, f"{path.name}: {found.group(0)!r}"


def test_readme_and_contributing_stay_short():
    readme = re.sub(r"!\[.*?\]\(.*?\)|<!--.*?-->", "", (ROOT / "README.md").read_text(), flags=re.S)
    assert len(readme.split()) <= 700
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 60


def wanted() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return {canonicalize_name(Requirement(one).name): Requirement(one) for one in listed}


def test_the_lock_pins_every_package_within_its_range():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    assert all(str(pin.specifier).startswith("==") for pin in pins)
    for name, requirement in wanted().items():
        assert requirement.specifier.contains(versions[name]), name


def test_conda_gets_the_same_packages_and_ranges():
    names = {
        "python-duckdb": "duckdb",
        "jupyter_server": "jupyter-server",
        "matplotlib-base": "matplotlib",
    }
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    found = {}
    for line in listed:
        if isinstance(line, str) and line != "pip" and not line.startswith("python>="):
            requirement = Requirement(line)
            own = names.get(requirement.name, requirement.name)
            found[canonicalize_name(own)] = requirement.specifier
    assert found == {name: requirement.specifier for name, requirement in wanted().items()}


def test_hiding_the_grammar_module_leaves_jupyter_working():
    code = (
        "import journeylib._faststart, sys, nbformat, papermill, nbconvert;"
        "nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell('a')]);"
        "nbformat.validate(nb); print(sys.modules['rfc3987_syntax'])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "None"
