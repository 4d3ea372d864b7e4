"""The common part of the short studies of tasks."""

from sweep import Baseline, Budget, Choice, Space, StudySpec, TargetSets


def short_study(task: str, **settings: object) -> StudySpec:
    """Twelve trials over rank, scaling and target set, beside the head alone.

    Args:
        task: name of the task.
        settings: that differ from those of the other tasks.
    """
    return StudySpec(
        name=task.replace("_", "-"),
        objective="objectives.tasks.objective:LoraObjective",
        settings={
            "task": task,
            "learning_rate": 5e-3,
            "epochs": 3,
            "batch_tokens": 512,
            "schedule": "cosine",
            **settings,
        },
        space=Space(
            {
                "rank": Choice(1, 4, 16),
                "scaling": Choice(0.5, 1.0, 2.0),
                "targets": TargetSets("query+value", "mlp", "all-linear"),
            }
        ),
        baselines=(Baseline("head only", {"rank": 0, "targets": "none"}),),
        budget=Budget(trials=12),
    )
