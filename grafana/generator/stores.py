"""What Sluss asks: object stores behind their gates, databases and their connections, and an existing API behind the gateway."""

from common import percentile
from parts import (
    BLUE, GREEN, INSTANCES, ORANGE, RATE, RED, TENANTS,
    bars, dashboard, flips, query, series, stat, steps, timeline, words,
)

AT = 'instance=~"$instance"'
OF = f'tenant=~"$tenant",{AT}'
FAILED = 'outcome!~"ok|content|dropped"'

GLANCE = [
    stat("Object stores out", "Stores that at least one process takes for out.", f"sum(max by (store) (sluss_breaker_open{{{AT}}})) or vector(0)", width=4),
    stat("Times out, 1 d", "How often a process took a store for out.", f"ceil(sum(increase(sluss_breaker_opened_total{{{AT}}}[1d]))) or vector(0)", thresholds=steps(GREEN, (1, ORANGE)), width=4),
    stat(
        "Failed operations", "Share of the stores' answers that were failures. Operations that a client broke off are none.",
        f"(sum(rate(sluss_store_operation_duration_seconds_count{{{AT},{FAILED}}}[{RATE}])) or vector(0)) "
        f"/ (sum(rate(sluss_store_operation_duration_seconds_count{{{AT}}}[{RATE}])) > 0)",
        unit="percentunit", decimals=2, thresholds=steps(GREEN, (0.001, ORANGE), (0.01, RED)), width=4,
    ),
    stat(
        "Fallbacks, 1 h", "Reads that the preferred store failed and the other one answered.",
        f"ceil(sum(increase(sluss_fallbacks_total{{{OF}}}[1h]))) or vector(0)", thresholds=steps(GREEN, (1, ORANGE)), width=4,
    ),
    stat(
        "Waiting for SQL", "Operations that wait for a connection to a database, at the last look.", f"sum(sluss_sql_pool_waiting{{{OF}}})",
        thresholds=steps(GREEN, (1, ORANGE), (10, RED)), width=4,
    ),
    stat(
        "Tenants without room", "Tenants whose placements are all at their limits. The last one goes on taking new objects: add one.",
        f"sum(max by (tenant) (sluss_placements_full{{{OF}}})) or vector(0)", width=4,
    ),
]

OBJECTS = [
    timeline(
        "Whether stores answer", "Out: nothing is sent but a trial now and then; what SQL holds too is served from there.",
        [query(f"max by (store) (sluss_breaker_open{{{AT}}})", "{{store}}")], words(_0=("answers", GREEN), _1=("out", RED)), width=12, height=8,
    ),
    bars(
        "Placements", "How full those with a limit are, by objects or by bytes, whichever is more.",
        [
            query(
                f"max by (tenant, placement) (sluss_placement_objects{{{OF}}} / sluss_placement_objects_limit{{{OF}}} "
                f"or sluss_placement_bytes{{{OF}}} / sluss_placement_bytes_limit{{{OF}}})",
                "{{tenant}} {{placement}}",
            )
        ],
        width=12, height=8,
    ),
    series(
        "Requests under way", "To each object store, of all processes.", [query(f"sum by (store) (sluss_store_requests_in_flight{{{AT}}})", "{{store}}")], width=8,
    ),
    series(
        "Requests that were not sent", "The store was out, or busy: requests waited too long for a place, so it is slow, or its concurrency is too low.",
        [query(f"sum by (store, reason) (rate(sluss_store_requests_refused_total{{{AT}}}[{RATE}]))", "{{store}} {{reason}}")], unit="reqps", width=8,
    ),
    series(
        "Asked of both", "Reads for which SQL was asked beside a slow object store, by whose bytes were sent. SQL wins often: the store varies.",
        [query(f"sum by (winner) (rate(sluss_hedges_total{{{OF}}}[{RATE}]))", "{{winner}}")], unit="reqps", colors={"sql": BLUE, "object": ORANGE}, width=8,
    ),
]

ANSWERS = [
    series(
        "Time until a store answers, 99 %", "Good answers, by kind of store and operation.",
        [query(percentile(0.99, "sluss_store_operation_duration_seconds", f'{AT},outcome="ok"', "store, operation"), "{{store}} {{operation}}")],
        unit="s", width=12,
    ),
    series(
        "Time until a store answers, 50 %", "Good answers, by kind of store and operation.",
        [query(percentile(0.5, "sluss_store_operation_duration_seconds", f'{AT},outcome="ok"', "store, operation"), "{{store}} {{operation}}")],
        unit="s", width=12,
    ),
    series(
        "Operations", "Answers of each kind of store.",
        [query(f"sum by (store, operation) (rate(sluss_store_operation_duration_seconds_count{{{AT}}}[{RATE}]))", "{{store}} {{operation}}")],
        unit="ops", width=12,
    ),
    series(
        "Failures", "By kind of store and of failure; what a client broke off is none.",
        [query(f"sum by (store, outcome) (rate(sluss_store_operation_duration_seconds_count{{{AT},{FAILED}}}[{RATE}]))", "{{store}} {{outcome}}")],
        unit="ops", width=12,
    ),
]

SQL = [
    series(
        "Connections in use", "The ten tenants with most of them. Tenants in one database share its connections, and each shows all of them.",
        [query(f'topk(10, sum by (tenant) (sluss_sql_pool_connections{{{OF},state="in_use"}}))', "{{tenant}}")], width=8,
    ),
    series(
        "Idle connections", "The ten tenants with most of them.",
        [query(f'topk(10, sum by (tenant) (sluss_sql_pool_connections{{{OF},state="idle"}}))', "{{tenant}}")], width=8,
    ),
    series(
        "Operations that wait for a connection", "The ten tenants with most of them. For minutes at each look: the pool is exhausted.",
        [query(f"topk(10, sum by (tenant) (sluss_sql_pool_waiting{{{OF}}}))", "{{tenant}}")], width=8,
    ),
]

UPSTREAM = [
    series(
        "Answers of the existing API", "By status code, checks of credentials included. Empty where there is no [upstream].",
        [query(f"sum by (code) (rate(sluss_upstream_requests_total{{{AT}}}[{RATE}])) or vector(0)", "{{code}}")], unit="reqps", stack=True, width=8,
    ),
    series(
        "Time until it begins its answer", "From the end of a request to the head of the answer of the existing API.",
        [query(percentile(share, "sluss_upstream_duration_seconds", AT), name) for share, name in [(0.5, "50 %"), (0.99, "99 %")]], unit="s", width=8,
    ),
    series(
        "What it did not answer, and what is under way",
        "unreachable, timeout, broken; check: neither a yes nor a no; full: as many requests as it gets at once were under way.",
        [
            query(f"sum by (reason) (rate(sluss_upstream_errors_total{{{AT}}}[{RATE}]))", "{{reason}} a second"),
            query(f"sum(sluss_upstream_requests_in_flight{{{AT}}})", "under way"),
        ],
        width=8,
    ),
]

DASHBOARD = dashboard(
    "sluss-stores", "Sluss: stores", "Object stores behind their gates, databases and their connections, and an existing API behind the gateway.",
    [TENANTS, INSTANCES],
    [("At a glance", GLANCE), ("Object stores", OBJECTS), ("Answers", ANSWERS), ("SQL", SQL), ("Existing API", UPSTREAM)],
    annotations=[flips('tenant=~"$tenant"')],
)
