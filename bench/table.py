"""The table of `docs/performance.md`, from lines that were measured."""

from typing import Any


def markdown(lines: list[dict[str, Any]]) -> str:
    """One row for each line that has a target. Numbers are rounded to three digits."""
    rows = ["| measurement | ours | its limit | unit | ratio | target | met |", "|---" * 7 + "|"]
    for line in lines:
        if "left_out" in line:
            rows.append(f"| `{line['name']}` | | | | | {line['target']:g} | not measured |")
        elif "target" in line:
            numbers = [f"{float(f'{line[name]:.3g}'):,g}" for name in ("ours", "limit")]
            met = "yes" if line["met"] else "**no**"
            rows.append(
                f"| `{line['name']}` | {' | '.join(numbers)} | {line['unit']} | {line['ratio']:.2f}"
                f" | {line['target']:g} | {met} |"
            )
    return "\n".join(rows)
