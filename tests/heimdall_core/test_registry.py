"""The registry: discovery, isolation, names, lookups."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pluggy
import pytest

from heimdall_core import Event, Generator, HeimdallError, Registry, StageInfo, hookimpl, hookspecs
from heimdall_core.errors import PluginError
from heimdall_core.registry import ROLES


def install(
    folder: Path, distribution: str, version: str, entry: str, source: str, module: str = ""
) -> None:
    """A third-party distribution, as pip would leave it: a module and its metadata."""
    module = module or distribution.replace("-", "_")
    (folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[heimdall]\n{entry} = {module}\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path for third-party distributions; its modules are forgotten after."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [n for n in sys.modules if n.startswith("acme_")]:
        del sys.modules[name]


GENERATOR = """
    from heimdall_core import Generator, hookimpl

    @hookimpl
    def heimdall_generators():
        yield Generator("{name}", "made for a test", ("c",), lambda context, options: iter(()))
"""


def test_third_party_loads_like_a_built_in(site: Path) -> None:
    install(site, "acme-fraud", "1.2", "acme-fraud", GENERATOR.format(name="fraud"))
    registry = Registry()
    assert registry.generator("fraud").summary == "made for a test"
    info = registry.provider("generator", "fraud")
    assert (info.distribution, info.version, info.builtin) == ("acme-fraud", "1.2", False)
    assert info.hooks == ("heimdall_generators",)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt('of my own')", "KeyboardInterrupt: of my own"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        (
            "from heimdall_core import hookimpl\n"
            "@hookimpl\ndef heimdall_generators(): raise KeyboardInterrupt('in a hook')",
            "KeyboardInterrupt: in a hook",
        ),
        ("def broken(:", "SyntaxError"),
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("x = 1", "implements no hook"),
        (
            "from heimdall_core import hookimpl\n@hookimpl\ndef heimdall_generatorz(): ...",
            "heimdall_generatorz",
        ),
        (
            "from heimdall_core import hookimpl\n@hookimpl\ndef heimdall_generators(): yield 5",
            "must yield Generator, found int",
        ),
        (
            "from heimdall_core import hookimpl\n"
            "@hookimpl\ndef heimdall_generators(): raise ValueError('late')",
            "ValueError: late",
        ),
        (
            "from heimdall_core import hookimpl\n"
            "@hookimpl\ndef heimdall_generators(wrong): yield wrong",
            "wrong",
        ),
    ],
    ids=[
        "raises",
        "exits",
        "interrupts",
        "interrupt",
        "hook-interrupts",
        "syntax",
        "import",
        "no-hook",
        "typo",
        "type",
        "late",
        "argument",
    ],
)
def test_a_broken_plugin_is_reported_and_the_rest_work(site: Path, source: str, said: str) -> None:
    install(site, "acme-broken", "0.3", "acme-broken", source)
    registry = Registry()
    [failed] = [p for p in registry.failures if p.name == "acme-broken"]
    assert said in failed.error
    assert (failed.distribution, failed.version) == ("acme-broken", "0.3")
    assert registry.preset("nano").name == "nano"
    # Naming what it would have provided says why it is not there.
    with pytest.raises(PluginError) as raised:
        registry.generator("fraud")
    assert "acme-broken 0.3" in str(raised.value)
    assert said in str(raised.value)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own handler of SIGINT, which a job in the background starts without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "source",
    [
        "import signal\nsignal.raise_signal(signal.SIGINT)",
        "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nfinally:\n    x = 1",
        "import signal\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    raise",
        "import signal\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    raise KeyboardInterrupt('tidied up') from None",
        "import asyncio, signal\n"
        "async def main():\n    signal.raise_signal(signal.SIGINT)\n    await asyncio.sleep(9)\n"
        "asyncio.run(main())",
    ],
    ids=["plain", "finally", "again", "another", "asyncio"],
)
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_during_an_import_stops_the_program(site: Path, source: str) -> None:
    install(site, "acme-slow", "1.0", "acme-slow", source)
    with pytest.raises(KeyboardInterrupt):
        Registry()


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_through_a_handler_of_the_program_stops_it(site: Path) -> None:
    def handler(number: int, frame: object) -> None:
        raise KeyboardInterrupt("the program's own")

    source = "import signal\nsignal.raise_signal(signal.SIGINT)"
    install(site, "acme-slow", "1.0", "acme-slow", source)
    signal.signal(signal.SIGINT, handler)
    with pytest.raises(KeyboardInterrupt, match="the program's own"):
        Registry()


def test_a_taken_plugin_name_is_refused_with_both_distributions(site: Path) -> None:
    install(site, "acme-cypher", "9.9", "presets", GENERATOR.format(name="mine"))
    registry = Registry()
    [failed] = [p for p in registry.failures if p.distribution == "acme-cypher"]
    assert "'presets' is already taken by presets (heimdall-slm" in failed.error
    assert "mine" not in registry.names("generator")
    assert registry.provider("preset", "nano").distribution == "heimdall-slm"


def test_a_taken_recipe_name_is_refused_with_both_distributions(site: Path) -> None:
    install(site, "acme-one", "1.0", "acme-one", GENERATOR.format(name="fraud"))
    install(site, "acme-two", "2.0", "acme-two", GENERATOR.format(name="fraud"))
    registry = Registry()
    [failed] = registry.failures
    assert "acme-one 1.0" in failed.error
    assert "acme-two 2.0" in failed.error
    assert registry.provider("generator", "fraud").distribution == "acme-one"


def test_blocked_plugins_are_not_even_imported(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "acme-bomb", "1", "acme-bomb", "raise SystemExit('imported')")
    [found] = [p for p in Registry(block=["acme-bomb"]).plugins if p.name == "acme-bomb"]
    assert found.status == "blocked"
    assert "acme_bomb" not in sys.modules
    monkeypatch.setenv("HEIMDALL_DISABLE", "other, acme-bomb")
    assert not Registry().failures
    assert Registry().unknown_blocked == ("other",)
    assert not Registry(third_party=False, environ={}).failures


def test_without_discovery_there_is_only_what_is_given() -> None:
    @hookimpl
    def heimdall_generators():  # type: ignore[no-untyped-def]
        yield Generator("own", "given", ("c",), lambda context, options: iter(()))

    plugin = SimpleNamespace(heimdall_generators=heimdall_generators)
    registry = Registry(discover=False, plugins=[("mine", plugin)])
    assert registry.names("generator") == ("own",)
    assert registry.names("preset") == ()
    assert Registry(discover=False).plugins == ()


def test_a_broken_object_raises_at_once() -> None:
    @hookimpl
    def heimdall_generators():  # type: ignore[no-untyped-def]
        yield "nothing"

    plugin = SimpleNamespace(heimdall_generators=heimdall_generators)
    with pytest.raises(PluginError, match="must yield Generator, found str"):
        Registry(discover=False, plugins=[("mine", plugin)])


def test_unknown_names_are_told_with_the_nearest() -> None:
    with pytest.raises(HeimdallError, match="did you mean 'nano'"):
        Registry().preset("nanoo")


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("acme-fraud>=1.3", "is not >=1.3"),
        ("acme-frud", "did you mean 'acme-fraud'"),
        ("acme broken", "is not a requirement"),
    ],
)
def test_require_says_what_is_missing(site: Path, requirement: str, said: str) -> None:
    install(site, "acme-fraud", "1.2", "acme-fraud", GENERATOR.format(name="fraud"))
    registry = Registry()
    registry.require(["acme-fraud>=1.2", "heimdall-slm"])
    with pytest.raises(PluginError, match=said):
        registry.require([requirement])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"block": ["acme-fraud"]}, "take it out of plugins.block, or out of HEIMDALL_DISABLE"),
        ({"environ": {"HEIMDALL_DISABLE": "acme-fraud"}}, "out of HEIMDALL_DISABLE"),
        ({"third_party": False}, "leave out --no-plugins"),
        ({"allow": ["acme-other"]}, 'add it: allow = [..., "acme-fraud"]'),
    ],
)
def test_require_says_how_a_blocked_plugin_is_let_in(
    site: Path, settings: dict[str, Any], said: str
) -> None:
    install(site, "acme-fraud", "1.2", "acme-fraud", GENERATOR.format(name="fraud"))
    with pytest.raises(PluginError, match=re.escape(said)):
        Registry(**settings).require(["acme-fraud"])


def test_observers_are_told_and_a_broken_one_does_not_stop_the_run() -> None:
    seen: list[str] = []

    @hookimpl
    def heimdall_on_event(event: Event) -> None:
        seen.append(event.message)

    @hookimpl
    def heimdall_before_stage(info: StageInfo) -> None:
        raise ValueError(f"not {info.stage} again")

    plugin = SimpleNamespace(
        heimdall_on_event=heimdall_on_event, heimdall_before_stage=heimdall_before_stage
    )
    registry = Registry(discover=False, plugins=[("watch", plugin)])
    assert registry.emit(Event("note", message="hello")) == ()
    assert seen == ["hello"]
    [problem] = registry.before_stage(StageInfo("r", "train", "k", Path("x")))
    assert "watch" in problem
    assert "not train again" in problem


def test_plugins_command_lists_failures_with_their_reason(site: Path) -> None:
    install(site, "acme-broken", "0.3", "acme-broken", "raise RuntimeError('no such luck')")
    done = subprocess.run(
        [sys.executable, "-m", "heimdall_core.cli.main", "plugins", "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(site), "PATH": ""},
    )
    listed = {p["name"]: p for p in json.loads(done.stdout)}
    assert listed["acme-broken"]["status"] == "failed"
    assert "no such luck" in listed["acme-broken"]["error"]
    assert listed["presets"]["status"] == "loaded"
    assert listed["presets"]["distribution"] == "heimdall-slm"
    assert listed["presets"]["roles"] == ["preset"]


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (">=1,<2", ""),
        (">=1", ""),
        (">=2", "it supports hook API >=2, and this Heimdall has 1; install a release"),
        ("==0.9", "it supports hook API ==0.9"),
        ("newest", "must be a version range"),
    ],
)
def test_a_plugin_states_the_hook_api_that_it_supports(site: Path, stated: str, said: str) -> None:
    source = textwrap.dedent(GENERATOR.format(name="fraud")) + f"\nheimdall_api = {stated!r}\n"
    install(site, "acme-fraud", "1.2", "acme-fraud", source)
    registry = Registry()
    if said:
        [failed] = registry.failures
        assert failed.distribution == "acme-fraud"
        assert said in failed.error
        assert "fraud" not in registry.names("generator")
    else:
        assert registry.generator("fraud")


def test_the_allow_list_lets_in_what_it_names_and_imports_nothing_else(site: Path) -> None:
    install(site, "acme-fraud", "1.2", "acme-fraud", GENERATOR.format(name="fraud"))
    install(site, "acme-bomb", "1", "bomb", "raise RuntimeError('imported')")
    registry = Registry(allow=["acme-fraud"])
    assert registry.generator("fraud")
    assert registry.failures == ()
    assert {p.name for p in registry.plugins if p.status == "blocked"} == {"bomb"}
    assert "acme_bomb" not in sys.modules
    assert Registry(allow=[]).find_language("cypher") is not None  # ours need no permission
    with pytest.raises(PluginError, match="Blocked: acme-fraud, bomb"):
        Registry(allow=[]).generator("fraud")
    with pytest.raises(PluginError):
        Registry(allow=["acme-fraud"], third_party=False).generator("fraud")


def test_deprecated_hooks_and_arguments_are_told_of_their_users() -> None:
    spec = pluggy.HookspecMarker("heimdall")

    class Hooks:
        """The hooks of a later Heimdall, seen from an older plugin."""

        @spec(warn_on_impl=DeprecationWarning("use heimdall_generators"))
        def heimdall_old(self) -> None: ...

        @spec(warn_on_impl_args={"colour": DeprecationWarning("it is always grey")})
        def heimdall_paint(self, colour: str, width: int) -> None: ...

    for role, kind in ROLES.items():
        name = "heimdall_languages" if role == "language" else f"heimdall_{role}s"
        setattr(Hooks, name, spec(getattr(hookspecs, name)))
        assert kind

    class Plugin:
        @hookimpl
        def heimdall_old(self) -> None: ...

        @hookimpl
        def heimdall_paint(self, colour: str) -> None: ...

    class Newer:
        @hookimpl
        def heimdall_paint(self, width: int) -> None: ...

    with pytest.warns(DeprecationWarning, match=r"always grey|use heimdall"):
        registry = Registry(
            discover=False, plugins=[("old", Plugin()), ("new", Newer())], hooks=Hooks
        )
    told = {info.name: info.deprecated for info in registry.plugins}
    assert told == {
        "new": (),
        "old": (
            "heimdall_old is deprecated: use heimdall_generators",
            "heimdall_paint(colour) is deprecated: it is always grey",
        ),
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [("None", "yields None, which is no name"), ("'[red]x[/red]'", "which is no name")],
)
def test_a_name_that_is_none_refuses_that_plugin_alone(site: Path, name: str, said: str) -> None:
    source = textwrap.dedent(GENERATOR.format(name="x")).replace('"x"', name)
    install(site, "acme-odd", "1", "acme-odd", source)
    registry = Registry()
    [failed] = registry.failures
    assert said in failed.error
    assert "cypher" in registry.names("generator")


def test_what_a_plugin_prints_stays_out_of_the_output(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "print('imported')\n" + textwrap.dedent(GENERATOR.format(name="fraud")).replace(
        "    yield", "    print('called')\n    yield"
    )
    install(site, "acme-loud", "1", "acme-loud", source)
    assert "fraud" in Registry().names("generator")
    written = capsys.readouterr()
    assert written.out == ""
    assert "imported" in written.err


def test_a_return_in_place_of_a_yield_is_told(site: Path) -> None:
    source = textwrap.dedent(GENERATOR.format(name="fraud")).replace("yield", "return")
    install(site, "acme-return", "1", "acme-return", source)
    [failed] = Registry().failures
    assert "must yield Generator, and returns one; write 'yield'" in failed.error


def test_a_misspelt_hook_is_told_with_the_right_one(site: Path) -> None:
    source = textwrap.dedent(GENERATOR.format(name="fraud")).replace("generators", "generator")
    install(site, "acme-hook", "1", "acme-hook", source)
    [failed] = Registry().failures
    assert "did you mean 'heimdall_generators'" in failed.error


def test_allowed_names_are_compared_as_pip_does_and_unknown_ones_told(site: Path) -> None:
    install(site, "acme-fraud", "1.2", "acme-fraud", GENERATOR.format(name="fraud"))
    assert "fraud" in Registry(allow=["Acme_Fraud"]).names("generator")
    assert Registry(allow=["acme-fruad"]).unknown_allowed == ("acme-fruad",)
    with pytest.raises(PluginError, match="lists of names"):
        Registry(block="gen-cypher")
    with pytest.raises(PluginError, match="unknown role 'generators'; did you mean 'generator'"):
        Registry().names("generators")


def test_an_observer_that_exits_stops_nothing() -> None:
    class Leaver:
        @hookimpl
        def heimdall_on_event(self, event: Event) -> None:
            raise SystemExit(5)

    [problem] = Registry(discover=False, plugins=[Leaver()]).emit(Event("note"))
    assert "SystemExit: 5" in problem
