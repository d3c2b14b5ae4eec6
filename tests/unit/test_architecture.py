"""The house rules that a machine can keep: imports run one way, and the light parts stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the top down: a module may import from its own layer and from those below it.
LAYERS = [
    ("engine.cli", "engine.__main__", "dashboard"),
    (
        "engine.api",
        "engine.bench",
        "engine.report",
        "engine.ablation",
        "engine.textbook",
        "engine.tuning",
    ),
    ("engine.jobs",),
    ("engine.studies",),
    (
        "engine.store",
        "engine.training",
        "engine.forecast",
        "engine.offers",
        "engine.presets",
        "engine.reach",
    ),
    ("engine.methods", "engine.inspection"),
    ("engine.balancing", "engine.bilevel", "engine.exact"),
    ("engine.models", "engine.datasets", "engine.metrics", "engine.diagnostics", "engine.claims"),
    (
        "engine.config",
        "engine.events",
        "engine.half_steps",
        "engine.loops",
        "engine.errors",
        "engine.published",
        "engine.ranks",
    ),
]


def layer_of(module):
    for depth, names in enumerate(LAYERS):
        if any(module == name or module.startswith(name + ".") for name in names):
            return depth
    return None


def modules():
    for folder in ("engine", "dashboard"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: str(value)[-40:])
def test_imports_run_one_way(module, path):
    if module == "engine":
        return
    own = layer_of(module)
    assert own is not None, f"{module} has no layer: give it one in LAYERS"
    for imported in imports(path):
        if imported.split(".")[0] not in ("engine", "dashboard") or imported == "engine":
            continue
        depth = layer_of(imported)
        assert depth is not None, f"{module} imports {imported}, which has no layer"
        assert depth >= own, f"{module} imports {imported} from a layer above its own"
        if module.startswith("dashboard") and imported.startswith("engine"):
            assert imported == "engine.api", f"{module} reaches past engine.api"
        if module.startswith("engine"):
            assert not imported.startswith("dashboard")


@pytest.mark.parametrize(
    "module", ["engine.api", "engine.cli.app", "engine.exact", "engine.jobs.hosted"]
)
def test_light_modules_load_nothing_heavy(module):
    """The app's start and the command line wait for what these import."""
    heavy = {"torch", "streamlit", "numba", "scipy.stats", "scipy.optimize", "scipy.interpolate"}
    code = f"import sys, {module}; print(*{heavy} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stdout.split() == []


def test_the_engine_prints_nothing_outside_its_command_line():
    for module, path in modules():
        if module.startswith("engine") and not module.startswith("engine.cli"):
            calls = [
                node
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
            ]
            assert not calls, f"{module} prints"
