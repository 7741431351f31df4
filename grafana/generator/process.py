"""Processes: whether they run, and how much room they have."""

from common import percentile
from parts import (
    BLUE, GREEN, INSTANCES, ORANGE, PURPLE, RATE, RED,
    bars, column, dashboard, query, series, stat, steps, table, timeline, words,
)

AT = 'instance=~"$instance"'

GLANCE = [
    stat("Processes", "That Prometheus hears of.", f"count(sluss_build_info{{{AT}}})", thresholds=steps(RED, (1, GREEN)), width=4),
    stat("Versions", "More than one while an upgrade goes on.", f"count(count by (version) (sluss_build_info{{{AT}}}))", thresholds=steps(GREEN, (2, ORANGE)), spark=False, width=4),
    stat(
        "Memory for content", "Of the process that has the least left. A quarter is for content up to 64 KiB: at 75 % larger ones may wait.",
        f"max(sluss_buffer_bytes{{{AT}}} / sluss_buffer_limit_bytes{{{AT}}})", unit="percentunit", decimals=0,
        thresholds=steps(GREEN, (0.75, ORANGE), (0.95, RED)), width=4,
    ),
    stat(
        "Waited in vain for memory, 1 h", "Transfers. Clients were answered 503; jobs come again.", f"ceil(sum(increase(sluss_buffer_refused_total{{{AT}}}[1h])))", width=4,
    ),
    stat(
        "Requests refused, 1 h", "Before any store was asked, by a limit of the process, of a tenant or of a token.",
        f"ceil(sum(increase(sluss_shed_total{{{AT}}}[1h])))", thresholds=steps(GREEN, (1, ORANGE)), width=4,
    ),
    stat(
        "Next certificate ends in", "Of all listeners with TLS. A new one takes effect within seconds.",
        f"min(sluss_certificate_expiry_timestamp_seconds{{{AT}}}) - time()", unit="s",
        thresholds=steps(RED, (2 * 86_400, ORANGE), (14 * 86_400, GREEN)), spark=False, width=4,
    ),
]

STATE = [
    timeline(
        "Whether processes answer Prometheus", "Targets of scrape jobs whose name has \"sluss\" in it.",
        [query(f'max by (instance) (up{{job=~".*sluss.*",{AT}}})', "{{instance}}")], words(_0=("down", RED), _1=("up", GREEN)), width=12, height=8,
    ),
    table(
        "Processes", "Each process with its version.", ["instance", "version"],
        [column("Running", f"max by (instance, version) (sluss_build_info{{{AT}}})", mappings=words(_1=("yes", GREEN)), width=90)], width=6, height=8,
    ),
    bars(
        "Oldest word of a database", "How long ago the tenant's database that has been silent for the longest answered each process.",
        [query(f"time() - min by (instance) (sluss_tenant_observed_timestamp_seconds{{{AT}}})", "{{instance}}")],
        unit="s", thresholds=steps(GREEN, (60, ORANGE), (300, RED)), width=6, height=8, maximum=300,
    ),
]

MEMORY = [
    series(
        "Memory for content", "What transfers hold of the budget, by process, and what those of one process may hold.",
        [
            query(f"sum by (instance) (sluss_buffer_bytes{{{AT}}})", "{{instance}}"),
            query(f"max(sluss_buffer_limit_bytes{{{AT}}})", "limit of a process"),
        ],
        unit="bytes", colors={"limit of a process": RED}, width=8,
    ),
    series(
        "Contents that move now", "By direction.", [query(f"sum by (direction) (sluss_transfers_in_flight{{{AT}}})", "{{direction}}")], stack=True, width=8,
    ),
    series(
        "Content to and from clients", "Bodies of requests and answers, without their heads.",
        [
            query(f"sum(rate(sluss_response_bytes_total{{{AT}}}[{RATE}]))", "to clients"),
            query(f"sum(rate(sluss_request_bytes_total{{{AT}}}[{RATE}]))", "from clients"),
        ],
        unit="Bps", colors={"to clients": BLUE, "from clients": ORANGE}, width=8,
    ),
    series(
        "Reads of small contents", "hit: in memory; shared: it came with a read that somebody else had begun; miss: a store gave it.",
        [query(f"sum by (outcome) (rate(sluss_cache_reads_total{{{AT}}}[{RATE}]))", "{{outcome}}")], unit="ops", stack=True,
        colors={"hit": GREEN, "shared": PURPLE, "miss": ORANGE}, width=12,
    ),
    series(
        "Cache of small contents", "Memory that it takes, by process, and what a process's may take.",
        [
            query(f"sum by (instance) (sluss_cache_bytes{{{AT}}})", "{{instance}}"),
            query(f"max(sluss_cache_limit_bytes{{{AT}}})", "limit of a process"),
        ],
        unit="bytes", colors={"limit of a process": RED}, width=12,
    ),
]

HTTP = [
    series("Requests", "By operation.", [query(f"sum by (operation) (rate(sluss_requests_total{{{AT}}}[{RATE}]))", "{{operation}}")], unit="reqps", stack=True, width=8),
    series("Answers by status code", "Requests that never reached an operation are among them: unknown paths, and those without a known token.", [query(f"sum by (code) (rate(sluss_requests_total{{{AT}}}[{RATE}]))", "{{code}}")], unit="reqps", stack=True, width=8),
    series(
        "Refused before any store was asked", "By whose limit the requests would have passed.",
        [query(f"sum by (reason) (rate(sluss_shed_total{{{AT}}}[{RATE}]))", "{{reason}}")], unit="reqps", width=8,
    ),
    series(
        "Time to the head of the answer, 99 %", "By operation. A write's holds the time that its client takes to send the body.",
        [query(percentile(0.99, "sluss_response_start_seconds", AT, "operation"), "{{operation}}")], unit="s", width=12,
    ),
    series(
        "Time to the end of the answer, 99 %", "By operation. Holds the time that the client takes.",
        [query(percentile(0.99, "sluss_request_duration_seconds", AT, "operation"), "{{operation}}")], unit="s", width=12,
    ),
]

DASHBOARD = dashboard(
    "sluss-process", "Sluss: processes", "Whether processes run, and how much room they have. CPU and resident memory are for the exporter of the host or the container.",
    [INSTANCES],
    [("At a glance", GLANCE), ("Processes", STATE), ("Memory and cache", MEMORY), ("HTTP", HTTP)],
)
