"""Bad command lines, and study files that cannot be read."""

from __future__ import annotations

from pathlib import Path

from bad_inputs.case import Case, file, study, typed

RUN = "run study.py --storage sqlite:///new.db"


def _folder_as_file(folder: Path) -> None:
    (folder / "folder.py").mkdir()


def _modules(folder: Path) -> None:
    (folder / "round_one.py").write_text("from round_two import STUDY\n")
    (folder / "round_two.py").write_text("from round_one import STUDY\n")
    (folder / "lacking.py").write_text("\nimport no_such_package\n")
    (folder / "raising.py").write_text("import math\n\nmath.no_such_function()\n")


COMMAND_LINES = (
    typed("no verb", ""),
    typed("unknown verb", "dance study.py"),
    typed("unknown option", "run study.py --epochs 2"),
    typed("run without a study", "run"),
    typed("two studies", "check study.py study.py"),
    typed("status without a storage", "status"),
    typed("resources: no number", f"{RUN} --launcher ray --resources gpu=half,cpu"),
    typed("a cluster's options without one", f"{RUN} --ray-address auto --resources gpu=1"),
    typed("detached, and from this folder's database", f"{RUN} --detach"),
    typed(
        "detached, with a password",
        "run study.py --detach --launcher ray --storage postgresql://me:tell@host/db",
    ),
    typed("files in a store of one process", f"{RUN} --files memory://here"),
    typed("files in a store that nobody knows", f"{RUN} --files nosuch://bucket/x"),
    typed("unknown trackers", f"{RUN} --track excel --track paper"),
    typed("trials: a word", "run study.py --trials many"),
    typed("trials: a fraction", "run study.py --trials 1.5"),
    typed("trials: none", f"{RUN} --trials 0"),
    typed("trials: negative", f"{RUN} --trials=-3"),
    typed("trials: too many", f"{RUN} --trials 99999999999"),
    typed("seconds: a word", "run study.py --seconds soon"),
    typed("seconds: zero", f"{RUN} --seconds 0"),
    typed("seconds: NaN", f"{RUN} --seconds nan"),
    typed("seconds: endless", f"{RUN} --seconds inf"),
    typed("workers: a word", "run study.py --workers all"),
    typed("workers: none", f"{RUN} --workers 0"),
    typed("workers: negative", f"{RUN} --workers=-2"),
    typed("resume with negative workers", "resume --storage sqlite:///study.db --workers=-2"),
    typed("pack: none", f"{RUN} --pack 0"),
    typed("pack: a word", f"{RUN} --pack x"),
    typed("pack: negative", f"{RUN} --pack=-1"),
    typed("pack: a fraction", f"{RUN} --pack 1.5"),
    typed("pack: a number of 5000 digits", f"{RUN} --pack {'1' * 5000}"),
    typed("resume with an empty pack", "resume --storage sqlite:///study.db --pack="),
    typed("pilot: no pack", "pilot study.py --storage sqlite:///new.db --pack 0"),
    typed("retries: negative", f"{RUN} --max-retries=-1"),
    typed("retries: a fraction", f"{RUN} --max-retries 0.5"),
    typed("on failure: a word", f"{RUN} --on-failure retry"),
    typed("on failure: negative", f"{RUN} --on-failure retry(-1)"),
    typed("on failure: empty", f"{RUN} --on-failure="),
    typed("keep: some", f"{RUN} --keep some"),
    typed(
        "importance of a seed that is a word", "importance --storage sqlite:///study.db --seed x"
    ),
    typed("importance of a seed below 0", "importance --storage sqlite:///study.db --seed=-1"),
    typed("design of a study without one", "design study.py"),
    typed("design of one configuration", "design study.py --configurations 1"),
    typed("design of a word", "design study.py --configurations many"),
    typed("design with duplicates below 0", "design study.py --configurations 9 --duplicates=-1"),
    typed("design with no noise", "design study.py --configurations 16 --noise 0"),
    typed("design with endless delta", "design study.py --configurations 16 --delta inf"),
    typed("design of an unusable storage", "design study.py --configurations 16 --storage x"),
    typed("pilot with trials", "pilot study.py --trials 3"),
    typed("pilot: no workers", "pilot study.py --storage sqlite:///new.db --workers 0"),
    typed("set: a rate above 1", "check study.py --set collapse_rate=2"),
    typed("set: a collapse that is none", "check study.py --set collapse_on=3"),
    typed("set: no value", "check study.py --set noise"),
    typed("set: no name", "check study.py --set =1"),
    typed("set: a name with a dot", "check study.py --set a.b=1"),
    typed("set: several wrong", "check study.py --set a --set b-c=1 --set 1=1"),
    typed("set: NaN", "check study.py --set noise=NaN"),
    typed("set: endless", "check study.py --set noise=1e999"),
    typed("set: negative", "check study.py --set noise=-1"),
    typed("set: unknown", "check study.py --set nose=1"),
    typed("set: a list for a name", "check study.py --set function=[1]"),
    typed("set: a mapping for a name", 'check study.py --set function={"a":1}'),
    typed("set: an unknown name", "check study.py --set function=cubic"),
    typed("set: a true for a number", "check study.py --set steps=true"),
    typed("set: a number of 5000 digits", f"check study.py --set steps={'1' * 5000}"),
    typed("set: a condition that is none", "check study.py --set fail_on=[1]"),
    typed("set: a sampled parameter", "check study.py --set x1=2"),
    typed("skip bad where nothing is read", "check study.py --skip-bad"),
    typed("module: none", "check no.such.module"),
    typed("module: an empty name", "check ."),
    typed("module: a path without suffix", "check studies/demo"),
    typed("module: relative", "check ..study"),
    typed("module: two that import each other", "check round_one", _modules),
    typed("module: imports what is missing", "check lacking", _modules),
    typed("module: raises", "check raising", _modules),
    typed("module: without a study", "check json.tool"),
    typed("file: missing", "check missing.py"),
    typed("file: a folder", "check folder.py", _folder_as_file),
    typed("file: a name too long", f"check {'x' * 300}.py"),
    Case("file: a zero byte", ("check", "a\0b.py")),
)

STUDY_FILES = (
    file("empty", ""),
    file("bad syntax", "from sweep import StudySpec\nSTUDY = StudySpec(\n"),
    file("bad indentation", "  x = 1\n y = 2\n"),
    file("a zero byte", "x = '\0'\n"),
    file("a raise", "def broken():\n    return 1 / 0\n\nSTUDY = broken()\n"),
    file("an assertion", "assert False\n"),
    file("an exit", "raise SystemExit(3)\n"),
    file("an endless recursion", "def again():\n    return again()\n\nagain()\n"),
    file("a missing import", "import no_such_package\n"),
    file("a name that sweep lacks", "from sweep import Study\n"),
    file("another type", "STUDY = {'name': 'toy'}\n"),
    file("a class for a study", "from sweep import StudySpec\nSTUDY = StudySpec\n"),
    file("a misspelt field", study("nmae='x'")),
    file("a field missing", "from sweep import StudySpec\nSTUDY = StudySpec('toy')\n"),
)
