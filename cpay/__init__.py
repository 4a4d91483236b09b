"""Settings, wiring and the `cpay` command: the only folder that sees all the others.

`settings.py` is the manual of the environment variables, `cli.py` the commands, `dev.py` what
`make run` starts. `bootstrap.py` builds the virtual environment and imports nothing of ours.
"""
