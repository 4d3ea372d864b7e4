"""Search a function's best parameters from a script or notebook, in its own process."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import optuna

from sweep.driver.listener import Callback, NullListener
from sweep.driver.run_study import Options, run_study
from sweep.errors import SpecError, fault
from sweep.results.analysis import AnalysisOptions, analyse_study
from sweep.results.status import snapshot
from sweep.results.table import to_table
from sweep.storage.studies import quiet_optuna
from sweep.storage.url import StorageUrl, default_url
from sweep.study.claim import Claim
from sweep.study.function import Function, FunctionObjective, FunctionRuns
from sweep.study.objective import Objective
from sweep.study.parameters import Param
from sweep.study.space import Space
from sweep.study.spec import Budget, StudySpec

if TYPE_CHECKING:  # imports SciPy, which takes a second
    from sweep.analysis.table import TrialTable
    from sweep.analysis.verdict.result import Verdict


class _InThisProcess(FunctionObjective):
    """A function that need not be importable."""

    __slots__ = ()

    def unimportable(self) -> Iterator[str]:
        """Nothing: no worker process imports it."""
        return iter(())


@dataclass(frozen=True)
class StudyResult:
    """A study that ``optimize`` has run; printed, its status.

    Attributes:
        study: the study, as Optuna's.
        address: its database.
    """

    study: optuna.Study
    address: StorageUrl

    @cached_property
    def table(self) -> TrialTable:
        """Its complete trials, with parameters, seeds, values and metrics."""
        return to_table(self.study)

    @property
    def best(self) -> Mapping[str, Any] | None:
        """Number, value, parameters and metrics of the best trial; None before the first."""
        found: Mapping[str, Any] | None = snapshot(self.study, self.address)["best"]
        return found

    def verdict(self, claim: Claim, *, quick: bool = False) -> Verdict:
        """The verdict on a claim.

        Args:
            claim: what to test.
            quick: without cross-checks, which may veto.

        Raises:
            SpecError: if the claim names a parameter that the study lacks.
        """
        from sweep.analysis.verdict.verdict import judge

        return judge(self.table, claim, cross_checks=not quick)

    def importance(self, *, quick: bool = False, **claim: Any) -> dict[str, Any]:
        """Importances, and the verdict on the study's claims: ``lorasweep importance --json``.

        Args:
            quick: without cross-checks and null distributions.
            claim: fields of a ``Claim`` to test in place of the study's.

        Raises:
            SpecError: if a claim breaks a rule or names a parameter that the study lacks.
        """
        options = AnalysisOptions(changes=claim, quick=quick)
        return analyse_study(self.study, self.address, self.table, options)

    def __str__(self) -> str:
        """The text of ``lorasweep status``."""
        from sweep.terminal.console import make_console
        from sweep.terminal.status import print_status

        text = io.StringIO()
        print_status(snapshot(self.study, self.address), make_console(text))
        return text.getvalue()


def optimize(
    function: Function | FunctionObjective,
    space: Space | Mapping[str, Param],
    *,
    trials: int,
    name: str = "",
    storage: str = "",
    callbacks: Iterable[Callback] = (),
    **fields: Any,
) -> StudyResult:
    """Run a study of a function in this process, one trial after another.

    Called again with the same arguments, it continues the study until it has as many trials; a
    trial that was interrupted is run again.

    Args:
        function: as for ``FunctionObjective``; a lambda or a notebook's function will do.
        space: the parameters that vary.
        trials: number of trials that the study is to have.
        name: the study's name; by default the function's.
        storage: URL of its database; by default ``runs/NAME/study.db``, as for ``lorasweep run``.
        callbacks: called with study and trial after each, as Optuna's.
        fields: further fields of ``StudySpec``, such as ``direction``, ``seeds`` or ``sampler``;
            and ``seconds``, after which no trial begins.

    Raises:
        SpecError: with all faults of the arguments.
        ResumeError: if the study was made with other arguments.
        StorageError: if the database cannot be used, or another process runs the study.
        SweepError: if too many trials fail.
        KeyboardInterrupt: if interrupted; the next call runs the interrupted trial again.
    """
    made = function if isinstance(function, FunctionObjective) else FunctionObjective(function)
    objective = _InThisProcess(made.function, made.measures.value)
    spec = StudySpec(
        name=name or _name_of(objective),
        objective=objective,
        space=Space(space) if isinstance(space, Mapping) else space,
        budget=Budget(trials, fields.pop("seconds", None)),
        **fields,
    )
    address = StorageUrl.parse(storage or default_url(spec.name))

    def build(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> Objective:
        return FunctionRuns(objective.function, settings, inputs)

    options = Options(build=build, callbacks=tuple(callbacks))
    with quiet_optuna():
        listener = NullListener()  # type: ignore[abstract]  # its methods do nothing
        return StudyResult(run_study(spec, address, listener, options), address)


def _name_of(objective: FunctionObjective) -> str:
    name = objective.partition(":")[2]
    if name == "lambda":
        way_out = "For example name='first try'"
        raise SpecError(fault("name", "be given for a lambda", "", way_out=way_out))
    return name
