"""Is the price right? Asked of Google's dp-accounting, which shares no code with the engine.

A claim says how much a unit changes each number, in how many groups, how much noise each number is told to have, and from
which number of units on a group is shown. From that alone:

- the privacy loss distribution of all numbers together must need no more than the clause's (epsilon, delta);
- the chance that a group of one unit more than none is shown must be within delta;
- the rho that was charged must cover the Renyi divergence of all numbers together, at every order.
"""

import math

# Of the privacy loss; dp-accounting rounds up, once per composition.
GRAIN = 1e-4
ORDERS = [1.01, 1.1, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0]


def laplace_scale(stddev):
    """The scale of discrete Laplace noise: its variance is 2 p / (1 - p)^2 with p = exp(-1 / scale)."""
    return 0.5 / math.asinh(1.0 / (math.sqrt(2.0) * stddev))


def numbers_of(claim):
    """All that is noised: (mechanism, kind, sensitivity, scale), once for each group that a unit can change."""
    noised = []
    for number in claim["numbers"]:
        kind, sensitivity, stddev = number["kind"], number["sensitivity"], number["stddev"]
        if claim["mechanism"] == "GAUSSIAN":
            # Told for integers; above 4 the discrete and the continuous deviation are the same.
            assert kind != "count" or stddev > 4.0, "noise too small to be read off its deviation"
            noised.append(("gaussian", kind, sensitivity, stddev))
        elif kind == "count":
            noised.append(("laplace", kind, sensitivity, laplace_scale(stddev)))
        else:
            noised.append(("laplace", kind, sensitivity, stddev / math.sqrt(2.0)))
    if claim["selection_stddev"] is not None:
        noised.append(("laplace", "count", 1.0, laplace_scale(claim["selection_stddev"])))
    return [number for number in noised for _ in range(claim["max_groups"])]


def shown_alone(claim):
    """The chance that one unit makes any of its groups appear which nobody else makes appear."""
    if claim["threshold"] is None:
        return 0.0
    scale = laplace_scale(claim["selection_stddev"])
    # Noise k or more, of discrete Laplace noise, for k of 1 or more.
    least = claim["threshold"] - claim["min_units"]
    assert least >= 1, "a threshold that a lone unit passes more often than not"
    p = math.exp(-1.0 / scale)
    once = p**least / (1.0 + p)
    return -math.expm1(claim["max_groups"] * math.log1p(-once))


def loss(numbers):
    from dp_accounting.pld import privacy_loss_distribution as pld

    whole = None
    for mechanism, kind, sensitivity, scale in numbers:
        options = {"value_discretization_interval": GRAIN}
        if mechanism == "gaussian" and kind == "count":
            one = pld.from_discrete_gaussian_mechanism(scale, int(sensitivity), **options)
        elif mechanism == "gaussian":
            one = pld.from_gaussian_mechanism(scale, sensitivity, **options)
        elif kind == "count":
            one = pld.from_discrete_laplace_mechanism(1.0 / scale, int(sensitivity), **options)
        else:
            one = pld.from_laplace_mechanism(scale, sensitivity, **options)
        whole = one if whole is None else whole.compose(one)
    return whole


def epsilon_by_order(order, events):
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant([order])
    for event in events:
        accountant.compose(event)
    return accountant.get_epsilon(1e-6)


def check(claims):
    """Prints a table, and gives the cases whose price is wrong."""
    import dp_accounting

    wrong = []
    print()
    print("| case | clause | delta at epsilon, by loss distribution | a lone unit is shown | rho charged | rho needed |")
    print("|---|---|---|---|---|---|")
    for claim in claims:
        epsilon, delta = claim["claimed"]["epsilon"], claim["claimed"]["delta"]
        numbers = numbers_of(claim)
        # Of a percentile no standard deviation is told.
        if not numbers:
            continue
        lone = shown_alone(claim)
        # One grain per composed number, by which the library rounds up.
        needed = loss(numbers).get_delta_for_epsilon(epsilon + GRAIN * len(numbers))
        rho = claim["charged"]["rho_nano"] / 1e9
        of_gaussian = lambda sensitivity, scale: dp_accounting.GaussianDpEvent(scale / sensitivity)
        of_laplace = lambda sensitivity, scale: dp_accounting.LaplaceDpEvent(scale / sensitivity)
        events = [
            (of_gaussian if mechanism == "gaussian" else of_laplace)(sensitivity, scale)
            for mechanism, _, sensitivity, scale in numbers
        ]
        is_covered = lambda rho: all(
            epsilon_by_order(order, events) <= epsilon_by_order(order, [dp_accounting.ZCDpEvent(rho)]) + 1e-12
            for order in ORDERS
        )
        low, high = 0.0, 4.0 * rho
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if is_covered(middle) else (middle, high)
        charged_delta = claim["charged"]["delta_atto"] / 1e18
        is_right = (
            needed + lone <= delta + 1e-12
            and lone <= charged_delta + 1e-18
            # Noise is told as a double, and so read back to a few digits less.
            and high <= rho * (1 + 1e-6)
        )
        if not is_right:
            wrong.append(f"{claim['case']} (price)")
        print(
            f"| {claim['case']} | {epsilon:g}, {delta:.2g} | {needed:.3g} | {lone:.3g} of {charged_delta:.3g} "
            f"| {rho:.6f} | {high:.6f} |" + ("" if is_right else " WRONG")
        )
    return wrong
