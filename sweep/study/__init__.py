"""What a study is: its parameters, claims, design and specification. No Optuna here."""
