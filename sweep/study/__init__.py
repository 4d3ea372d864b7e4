"""Study specifications: parameters, claims, design, trials. Does not import Optuna."""
