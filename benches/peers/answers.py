"""Do two engines say the same? Digests of rows that do not depend on their order. Used by the scripts beside it."""

import math

# Only Tidegate adds floats exactly; the others differ from it in the last digits.
FLOAT_TOLERANCE = 1e-11


def digest(connection, rows, columns):
    """The number of rows, a sum of hashes of what is exact in them, and a sum for each column of floats.

    Only the named columns count. Floats are weighted by the hash of their row before they are added, so that two rows
    cannot have exchanged theirs. `rows` is anything DuckDB can select from.
    """
    connection.execute("SET TimeZone = 'UTC'")
    described = connection.execute(f"DESCRIBE SELECT {', '.join(columns)} FROM {rows}").fetchall()
    floats = [name for name, kind, *_ in described if kind in ("DOUBLE", "FLOAT")]
    exact = ", ".join(as_text(name, kind) for name, kind, *_ in described if name not in floats)
    sums = "".join(f", COALESCE(SUM({name} * (hash({exact}) / 18446744073709551616)), 0)" for name in floats)
    return connection.execute(f"SELECT COUNT(*), SUM(hash({exact})){sums} FROM {rows}").fetchone()


def as_text(name, kind):
    """A value in a form that does not depend on the type an engine has chosen for it."""
    value = f"epoch_us({name})" if kind.startswith("TIMESTAMP") else name
    return f"CAST({value} AS VARCHAR)"


def same(left, right):
    """Whether two digests are those of the same rows."""
    close = (math.isclose(a, b, rel_tol=FLOAT_TOLERANCE) for a, b in zip(left[2:], right[2:]))
    return left[:2] == right[:2] and len(left) == len(right) and all(close)
