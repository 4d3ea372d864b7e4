"""Specs that break a rule, or many."""

from __future__ import annotations

from bad_inputs.case import Case, spec


def space(name: str, param: str) -> Case:
    """A space with one bad parameter."""
    return spec(f"space: {name}", f"space=Space({{'x1': {param}, 'x2': Choice(1, 2)}})")


NAMES = (
    spec("name: empty", "name=''"),
    spec("name: blanks", "name='  '"),
    spec("name: a number", "name=7"),
    spec("name: a line break", r"name='a\nb'"),
    spec("name: a tab", r"name='a\tb'"),
    spec("name: an escape", r"name='a\x1b[31m'"),
    spec("name: a blank before", "name=' a'"),
    spec("name: a blank after", "name='a '"),
    spec("name: half a character", r"name='\ud83d'"),
    spec("name: text that runs backwards", r"name='a\u202eb'"),
    spec("name: too long", "name='x' * 600"),
)

OBJECTIVES = (
    spec("objective: no colon", "objective='objectives.synthetic.Synthetic'"),
    spec("objective: none", "objective=None"),
    spec("objective: no such module", "objective='no.such:Thing'"),
    spec("objective: no such name", "objective='objectives.synthetic:Thing'"),
    spec("objective: a number", "objective='math:pi'"),
    spec("objective: a function of one", "objective='math:sqrt'"),
    spec("objective: no objective", "objective='builtins:zip'"),
)

FIELDS = (
    spec("space: a dict", "space={'x1': Choice(1, 2)}"),
    spec("sampler: a name", "sampler='tpe'"),
    spec("sampler: unknown", "sampler=Sampler('magic')"),
    spec("sampler: none", "sampler=Sampler(None)"),
    spec("sampler: a list", "sampler=Sampler(['tpe'])"),
    spec("sampler: seed negative", "sampler=Sampler(seed=-1)"),
    spec("sampler: seed a fraction", "sampler=Sampler(seed=0.5)"),
    spec("sampler: seed too large", "sampler=Sampler(seed=2**32)"),
    spec(
        "sampler: grid of reals",
        "sampler=Sampler('grid'), space=Space({'x1': Float(0, 1), 'x2': Int(1, 2)})",
    ),
    spec(
        "sampler: grid of very many",
        "sampler=Sampler('grid'), space=Space({'x1': Int(0, 10**12), 'x2': Int(1, 2)})",
    ),
    spec("pruner: unknown", "pruner=Pruner('axe')"),
    spec("pruner: a name", "pruner='median'"),
    spec("direction: up", "direction='up'"),
    spec("direction: none", "direction=None"),
    spec("budget: a number", "budget=20"),
    spec("budget: none", "budget=Budget(0)"),
    spec("budget: true", "budget=Budget(True)"),
    spec("budget: seconds NaN", "budget=Budget(2, float('nan'))"),
    spec("budget: seconds a word", "budget=Budget(2, '1h')"),
    spec("seeds: none", "seeds=()"),
    spec("seeds: a number", "seeds=3"),
    spec("seeds: a list", "seeds=[0, 1]"),
    spec("seeds: twice the same", "seeds=(1, 2, 1)"),
    spec("seeds: negative", "seeds=(0, -1)"),
    spec("seeds: true", "seeds=(True,)"),
    spec("seeds: words", "seeds=('0',)"),
    spec("policy: a word", "policy='stop'"),
    spec("policy: on failure retry", "policy=Policy(on_failure='retry')"),
    spec("policy: on failure a negative retry", "policy=Policy(on_failure='retry(-1)')"),
    spec("policy: on failure none", "policy=Policy(on_failure=None)"),
    spec("policy: retries true", "policy=Policy(max_retries=True)"),
    spec("policy: retries negative", "policy=Policy(max_retries=-1)"),
    spec("policy: keep some", "policy=Policy(keep='some')"),
    spec("settings: none", "settings=None"),
    spec("settings: a list", "settings=['noise']"),
    spec("settings: NaN", "settings={'noise': float('nan')}"),
    spec("settings: a tuple", "settings={'noise': (1, 2)}"),
    spec("settings: an object", "settings={'noise': object}"),
    spec("settings: a number for a name", "settings={1: 2}"),
    spec("settings: of a sampled parameter", "settings={'x1': 1}"),
    spec("inputs: a number", "inputs={'data': 3}"),
    spec("baselines: one", "baselines=Baseline('head', {'x1': 0, 'x2': 0})"),
    spec("baselines: a list", "baselines=[Baseline('head', {'x1': 0, 'x2': 0})]"),
    spec("baselines: dicts", "baselines=({'x1': 0, 'x2': 0},)"),
    spec("baselines: no name", "baselines=(Baseline('', {'x1': 0, 'x2': 0}),)"),
    spec(
        "baselines: one name twice",
        "baselines=(Baseline('a', {'x1': 0, 'x2': 0}), Baseline('a', {'x1': 1, 'x2': 0}))",
    ),
    spec("baselines: a parameter missing", "baselines=(Baseline('a', {'x1': 0}),)"),
    spec("baselines: a tuple as value", "baselines=(Baseline('a', {'x1': (1,), 'x2': 0}),)"),
    spec("baselines: NaN", "baselines=(Baseline('a', {'x1': float('nan'), 'x2': 0}),)"),
    spec("baselines: no values", "baselines=(Baseline('a', None),)"),
    spec(
        "many faults at once",
        "name='', objective='x', direction='up', sampler=Sampler('x', -1), seeds=(1, 1), "
        "pruner=Pruner(''), budget=Budget(0, -1), policy=Policy('x', -1, 'x'), "
        "settings={'y': float('nan')}, space=Space({'a b': Int(5, 1), 'c': Choice()}), "
        "baselines=(Baseline('', {}),)",
    ),
    spec("many fields of other types", "name=1, space=[], sampler=1, settings=2, baselines=3"),
)

SPACES = (
    spec("space: empty", "space=Space({})"),
    spec("space: none", "space=Space(None)"),
    spec("space: a list", "space=Space(['x1'])"),
    spec("space: lacks a parameter", "space=Space({'x1': Choice(1, 2)})"),
    spec("space: a name with a blank", "space=Space({'x 1': Choice(1, 2)})"),
    spec("space: a name with a dash", "space=Space({'x-1': Choice(1, 2)})"),
    spec("space: an empty name", "space=Space({'': Choice(1, 2)})"),
    spec("space: a number for a name", "space=Space({1: Choice(1, 2)})"),
    space("a bare list", "[1, 2]"),
    space("no choices", "Choice()"),
    space("a list as the one choice", "Choice([1, 2, 4])"),
    space("tuples as choices", "Choice(('query', 'value'), ('key',))"),
    space("none as a choice", "Choice(None, 1)"),
    space("a choice twice", "Choice(1, 2, 1)"),
    space("a choice twice as another type", "Choice(1, True, 1.0)"),
    space("NaN as a choice", "Choice(float('nan'), 1.0)"),
    space("endless as a choice", "Choice(float('inf'), 1.0)"),
    space("whole numbers upside down", "Int(8, 1)"),
    space("a fraction for a whole number", "Int(1, 2.5)"),
    space("true for a whole number", "Int(True, 2)"),
    space("whole numbers beyond what is exact", "Int(0, 10**17)"),
    space("step zero", "Int(1, 8, step=0)"),
    space("step negative", "Int(1, 8, step=-1)"),
    space("a step that misses the end", "Int(1, 8, step=2)"),
    space("a step on a log axis", "Int(1, 8, step=7, log=True)"),
    space("log of zero, whole", "Int(0, 8, log=True)"),
    space("log a word", "Int(1, 8, log='yes')"),
    space("log of zero", "Float(0, 1, log=True)"),
    space("log of less", "Float(-1, 1, log=True)"),
    space("reals upside down", "Float(1, 0)"),
    space("NaN as a bound", "Float(float('nan'), 1)"),
    space("endless as a bound", "Float(0, float('inf'))"),
    space("a word as a bound", "Float('low', 1)"),
    space("a bound beyond floats", "Float(0, 10**400)"),
    space("a span beyond floats", "Float(-1.7e308, 1.7e308)"),
    space("no target sets", "TargetSets()"),
    space("an empty target set", "TargetSets('')"),
    space("a target set with a gap", "TargetSets('query++value')"),
    space("none beside a target", "TargetSets('none+query')"),
    space("a target set with blanks", "TargetSets('query value')"),
    space("a list as a target set", "TargetSets(['query', 'value'])"),
    space("the same matrices twice", "TargetSets('qkv', same='value+key+query')"),
    space("the same text twice", "TargetSets('mlp', 'mlp')"),
)

SPECS = (*NAMES, *OBJECTIVES, *FIELDS, *SPACES)
