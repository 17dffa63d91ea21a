"""Environment variables and keys of the configuration file."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from heimdall_repo_nornicdb.facts import Setting, settings
from heimdall_repo_nornicdb.rows.domains import pools
from heimdall_repo_nornicdb.rows.families import Draft, Family, prose
from heimdall_repo_nornicdb.rows.names import DIMENSIONS, either

CATEGORY = "nornicdb_configuration"

_RULES = {
    "above 0": "Values that are not above 0 are ignored.",
    "0 or more": "Negative values are ignored.",
    "not 0": "The value 0 is ignored.",
    "only true": "Only the exact text true counts; it cannot switch off what the file switched on.",
    "only false": "Only the exact text false counts; anything else leaves it on.",
    "switch on": "true, 1, yes and on switch it on; it cannot switch off what the file "
    "switched on.",
    "true or false": "It counts as true or false, in exactly these words.",
    "true or 1": "true and 1 switch it on, every other value switches it off.",
}


def _duration(rng: random.Random) -> str:
    return f"{rng.choice((2, 3, 5, 10, 15, 20, 30, 45, 90))}{rng.choice('smh')}"


_VALUES: dict[str, Callable[[random.Random], str]] = {
    "auth": lambda r: (
        f"{r.choice(pools()['user'])}:{r.choice(pools()['noun']).lower()}{r.randrange(1000, 9999)}"
    ),
    "count": lambda r: str(r.randrange(2, 400) * 25),
    "days": lambda r: str(r.choice((7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650))),
    "dims": lambda r: str(r.choice(DIMENSIONS)),
    "duration": _duration,
    "email": lambda r: f"{r.choice(pools()['user'])}@{r.choice(pools()['noun']).lower()}.example",
    "file": lambda r: (
        f"/srv/{r.choice(pools()['noun']).lower()}/"
        f"{r.choice(('audit.log', 'key.bin', 'nornic.key'))}"
    ),
    "gguf": lambda r: r.choice(
        (
            "heimdall-q4",
            "heimdall-q8",
            "heimdall-f16",
            "qwen2.5-1.5b-instruct",
            "watchman-q5",
            "heimdall-nano",
        )
    ),
    "host": lambda r: r.choice(("0.0.0.0", "127.0.0.1", "192.0.2.17", "198.51.100.20", "::")),  # noqa: S104 - a value to write down
    "layers": lambda r: str(r.choice((-1, 8, 12, 16, 20, 24, 28, 32, 99))),
    "listen": lambda r: f":{r.randrange(6000, 7000)}",
    "millis": lambda r: f"{r.choice((10, 20, 25, 50, 75, 150, 200, 250, 400, 750))}ms",
    "model": lambda r: r.choice(
        ("bge-m3", "nomic-embed-text", "mxbai-embed-large", "all-minilm", "snowflake-arctic-embed")
    ),
    "name": lambda r: f"{r.choice(pools()['noun']).lower()}_{r.choice(pools()['site'])}",
    "origins": lambda r: f"https://{r.choice(pools()['site'])}.example.org",
    "path": lambda r: (
        f"{r.choice(('/srv', '/data', '/var/lib', '/opt'))}/{r.choice(pools()['noun']).lower()}"
    ),
    "percent": lambda r: str(r.choice((10, 20, 25, 40, 50, 60, 75, 80, 120, 150, 200))),
    "port": lambda r: str(r.randrange(1024, 65_000)),
    "ratio": lambda r: f"0.{r.randrange(1, 99):02}",
    "roles": lambda r: ",".join(
        r.sample(("admin", "auditor", "editor", "legal", "operator", "viewer"), 2)
    ),
    "size": lambda r: (
        f"{r.choice((256, 384, 512, 768))}MB" if r.random() < 0.3 else f"{r.randrange(1, 65)}GB"
    ),
    "small": lambda r: str(r.randrange(2, 40)),
    "tens": lambda r: str(r.randrange(1, 20) * 5),
    "thousands": lambda r: str(r.randrange(1, 400) * 500),
    "tokens": lambda r: str(
        r.choice((256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384))
    ),
    "url": lambda r: (
        f"http://{r.choice(pools()['host'])}:{r.choice((8000, 8080, 9000, 11434))}/"
        f"{r.choice(pools()['site'])}"
    ),
}


def drawn(setting: Setting, rng: random.Random) -> str:
    """A value that the setting takes and that changes something; '' where there is none."""
    kind, _, choices = setting.kind.partition(":")
    if kind == "choice":
        return rng.choice(
            [c for c in choices.split(",") if c != setting.default] or [setting.default]
        )
    if kind == "bool":
        if setting.rule in ("only true", "switch on"):
            return "true"
        return "false" if setting.rule == "only false" else rng.choice(("true", "false"))
    if kind in ("secret", "unused"):
        return ""
    return _VALUES[kind](rng)


def _in_words(setting: Setting, value: str) -> str:
    if setting.kind == "bool":
        return f"Switch {setting.means} {'on' if value == 'true' else 'off'}"
    return f"Set {setting.means} to {value}"


def families(known: Sequence[Setting]) -> tuple[Family, ...]:
    """The families over a list of settings, built in or read from a checkout; none without any."""
    named = list(known)
    if not named:
        return ()
    in_file = [setting for setting in named if setting.yaml]
    ruled = [setting for setting in named if setting.rule in _RULES]

    def set_variable(rng: random.Random) -> Draft | None:
        setting = rng.choice(named)
        value = drawn(setting, rng)
        if not value:
            return None
        words = _in_words(setting, value)
        asked = either(
            rng,
            f"{words} by an environment variable.",
            f"{words} for NornicDB, through the environment.",
            f"Which environment variable, with which value? {words}.",
            f"{words} in docker run. What goes behind -e?",
        )
        return prose(asked, f"{setting.env}={value}", setting.id)

    def set_key(rng: random.Random) -> Draft | None:
        if not in_file:
            return None
        setting = rng.choice(in_file)
        value = drawn(setting, rng)
        if not value or (setting.kind == "bool" and value == "false"):
            # A false in the file cannot be told from a missing key.
            return None
        table, _, key = setting.yaml.rpartition(".")
        words = _in_words(setting, value)
        asked = either(
            rng,
            f"{words} in nornicdb.yaml.",
            f"{words} in the configuration file.",
            f"Which lines of nornicdb.yaml do this? {words}.",
        )
        text = value if _plain(value) else f'"{value}"'
        lines = [f"{'  ' * i}{part}:" for i, part in enumerate(table.split("."))]
        lines.append(f"{'  ' * len(lines)}{key}: {text}")
        return prose(asked, "\n".join(lines), setting.id)

    def meaning(rng: random.Random) -> Draft:
        setting = rng.choice(named)
        default = f"Its default is {setting.default}." if setting.default else "It has no default."
        kind = rng.randrange(4)
        if kind == 0:
            asked = either(
                rng,
                f"What does {setting.env} set?",
                f"What is {setting.env} for?",
                f"Explain the environment variable {setting.env}.",
                f"{setting.env}?",
            )
            rule = _RULES.get(setting.rule, "")
            return prose(
                asked, f"{setting.env} sets {setting.means}. {default} {rule}".strip(), setting.id
            )
        if kind == 1:
            asked = either(
                rng,
                f"What is the default of {setting.env}?",
                f"Which value has {setting.env} if nobody sets it?",
                f"default of {setting.env}",
            )
            return prose(asked, default, setting.id)
        if kind == 2:
            asked = either(
                rng,
                f"Which environment variable sets {setting.means}?",
                f"Environment variable for {setting.means}?",
                f"variable: {setting.means}",
            )
            return prose(asked, setting.env, setting.id)
        asked = either(
            rng,
            f"Which key of nornicdb.yaml is {setting.env}?",
            f"Where in the configuration file does {setting.env} stand?",
            f"yaml key for {setting.env}",
        )
        answer = setting.yaml or "There is none: it can be set by the environment alone."
        return prose(asked, answer, setting.id)

    def effect(rng: random.Random) -> Draft | None:
        if not ruled:
            return None
        setting = rng.choice(ruled)
        good, bad = drawn(setting, rng), _ignored(setting, rng)
        value, counts = rng.choice(((good, True), (bad, False)))
        if not value:
            return None
        asked = either(
            rng,
            f"Does {setting.env}={value} have an effect?",
            f"{setting.env}={value}: is that value taken?",
            f"I set {setting.env}={value}. Does the server heed it?",
        )
        rule = _RULES[setting.rule]
        if counts:
            what = _in_words(setting, value)
            answer = f"Yes. It does this: {what[0].lower()}{what[1:]}."
        else:
            answer = f"No. {rule}"
        return prose(asked, answer, setting.id)

    return (
        Family("set_variable", CATEGORY, set_variable, 1.5),
        Family("set_yaml_key", CATEGORY, set_key, 0.9),
        Family("explain_setting", CATEGORY, meaning, 1.0),
        Family("setting_effect", CATEGORY, effect, 0.5),
    )


def _plain(value: str) -> bool:
    return value.replace(".", "", 1).lstrip("-").isdigit() or value in ("true", "false")


def _ignored(setting: Setting, rng: random.Random) -> str:
    match setting.rule:
        case "above 0":
            return rng.choice(("0", f"-{rng.randrange(1, 50)}"))
        case "0 or more":
            return f"-{rng.randrange(1, 50)}"
        case "not 0":
            return "0"
        case "only true":
            return rng.choice(("1", "yes", "on", "True", "TRUE", "enabled"))
        case "only false":
            return rng.choice(("0", "no", "off", "False", "disabled", "true"))
        case "true or false":
            return rng.choice(("1", "0", "yes", "no", "on", "off", "True"))
        case _:
            return ""


FAMILIES = families(settings())
