"""All tenants: how far they are, and which of them need somebody."""

from common import documents, failed_reads, found_wrong, percentile, slow_reads
from parts import (
    GREEN, HOLDERS, NO_JUDGEMENT, ORANGE, PHASE_MAPPING, PHASES, RATE, RED, SERVED_FROM, TENANTS,
    column, dashboard, flips, phase_number, query, series, stat, steps, table, to_dashboard,
)

OF = 'tenant=~"$tenant"'
IN_OBJECTS = OF + ',held_by=~"both|object"'
HERE = {"datasource": None, "tenant": None}

GLANCE = [
    stat("Processes", "Processes that Prometheus hears of.", "count(sluss_build_info)", thresholds=steps(RED, (1, GREEN)), width=3),
    stat("Tenants", "Tenants that are configured.", f"count(count by (tenant) (sluss_tenant_phase{{{OF}}}))", thresholds=NO_JUDGEMENT, width=3),
    stat(
        "Failed reads, 1 h", "Reads answered with a 5xx, or ended short, in an hour. The objective is 0.1 %.",
        failed_reads(OF, "1h"), unit="percentunit", decimals=2, thresholds=steps(GREEN, (0.001, ORANGE), (0.0144, RED)), width=3,
    ),
    stat(
        "Slow reads, 1 h", "Reads of all tenants that waited for more than a second for the head of their answer. The objective is 1 %.",
        slow_reads('served_from=~".*"', "1h"),
        unit="percentunit", decimals=2, thresholds=steps(GREEN, (0.01, ORANGE), (0.144, RED)), width=3,
    ),
    stat(
        "Object stores out", "Stores that at least one process takes for out.", "sum(max by (store) (sluss_breaker_open)) or vector(0)",
        width=3, link=to_dashboard("sluss-stores", "Stores", {"datasource": None}),
    ),
    stat(
        "Quarantined jobs", "Jobs that failed for the last time. `sluss jobs list --state quarantined` has their reasons.",
        f'sum(sluss_jobs{{{OF},state="quarantined"}})', width=3, link=to_dashboard("sluss-agents", "Agents", HERE),
    ),
    stat(
        "Found wrong, 1 d", "Differences between holders that verifications, flips and comparisons beside reads have found.",
        f"ceil({found_wrong(OF, '1d')})", width=3,
    ),
    stat(
        "Moved", "Share of the documents that the object store holds, alone or too.",
        f"{documents(IN_OBJECTS, '')} / ({documents(OF, '')} > 0)",
        unit="percentunit", decimals=1, thresholds=NO_JUDGEMENT, width=3,
    ),
]

PROGRESS = [
    series(
        "Tenants by phase", "How many tenants are in each phase.",
        [query(f"sum by (phase) (max by (tenant, phase) (sluss_tenant_phase{{{OF}}}))", "{{phase}}")], stack=True, colors=PHASES, width=8,
    ),
    series(
        "Documents by holder", "Of the last full sweep of each tenant, and the commits since.",
        [query(documents(OF, "held_by"), "{{held_by}}")], stack=True, colors=HOLDERS, width=8,
    ),
    series(
        "Content by holder", "The same in bytes.",
        [query(documents(OF, "held_by", "sluss_document_bytes"), "{{held_by}}")], unit="bytes", stack=True, colors=HOLDERS, width=8,
    ),
    series(
        "Copied", "Content of copies that were committed, by process. Of all tenants: copies are not counted by tenant.",
        [query(f"sum by (instance) (rate(sluss_copied_bytes_total[{RATE}]))", "{{instance}}")], unit="Bps", stack=True, width=8,
    ),
    series(
        "Open copies and write-backs", "The ten tenants with most of them.",
        [query(f'topk(10, sum by (tenant) (sluss_jobs{{{OF},kind=~"copy|write_back",state!="quarantined"}}))', "{{tenant}}")], width=8,
    ),
    series(
        "Age of the oldest open copy or write-back", "The ten tenants that have waited the longest. Whether the agents keep up.",
        [query(f'topk(10, max by (tenant) (sluss_job_oldest_seconds{{{OF},kind=~"copy|write_back"}}))', "{{tenant}}")], unit="s", limit=3600, width=8,
    ),
]

TRAFFIC = [
    series(
        "Requests by the store that served them", "Answers without content have \"-\".",
        [query(f"sum by (served_from) (rate(sluss_requests_total{{{OF}}}[{RATE}]))", "{{served_from}}")],
        unit="reqps", stack=True, colors=SERVED_FROM, width=8,
    ),
    series(
        "Failed reads by tenant", "The ten tenants with the largest share of reads that failed; the dashed line is the objective.",
        [query(f"topk(10, {failed_reads(OF, by='tenant')})", "{{tenant}}")], unit="percentunit", limit=0.001, width=8,
    ),
    series(
        "Time to the head of a read's answer", "Of all tenants. What stores take, and not how fast clients are; the dashed line is what counts as slow.",
        [
            query(percentile(share, "sluss_response_start_seconds", 'operation=~"read|head|metadata|list"', "served_from"), f"{{{{served_from}}}} {name}")
            for share, name in [(0.5, "50 %"), (0.99, "99 %")]
        ],
        unit="s", limit=1, width=8,
    ),
    series(
        "Fallbacks", "Reads that the preferred store failed and the other one answered: the ten tenants with most of them.",
        [query(f"topk(10, sum by (tenant) (rate(sluss_fallbacks_total{{{OF}}}[{RATE}])))", "{{tenant}}")], unit="reqps", width=12,
    ),
    series(
        "Refused before any store was asked", "By whose limit the requests would have passed: the process's places, or what a tenant or a token may have.",
        [query(f"sum by (reason) (rate(sluss_shed_total[{RATE}]))", "{{reason}}")], unit="reqps", width=12,
    ),
]

RED_ABOVE_0 = steps("transparent", (1, RED))

TENANT_TABLE = table(
    "Tenants", "One line each; a click on the name opens its page.", ["tenant"],
    [
        column("Phase", phase_number(OF), mappings=PHASE_MAPPING, width=90),
        column("Documents", documents(OF, "tenant")),
        column("Only in SQL", documents(OF + ',held_by="sql"', "tenant")),
        column("Only in objects", documents(OF + ',held_by="object"', "tenant")),
        column("Open jobs", f'sum by (tenant) (sluss_jobs{{{OF},state!="quarantined"}})'),
        column(
            "Oldest", f'max by (tenant) (sluss_job_oldest_seconds{{{OF},kind=~"copy|write_back"}})', unit="s",
            thresholds=steps("transparent", (900, ORANGE), (3600, RED)),
        ),
        column("Quarantined", f'sum by (tenant) (sluss_jobs{{{OF},state="quarantined"}})', thresholds=RED_ABOVE_0),
        column(
            "Failed reads, 1 h", failed_reads(OF, "1h", by="tenant"), unit="percentunit", decimals=2,
            thresholds=steps("transparent", (0.001, ORANGE), (0.0144, RED)),
        ),
        column("Fallbacks, 1 h", f"ceil(sum by (tenant) (increase(sluss_fallbacks_total{{{OF}}}[1h])))", thresholds=steps("transparent", (1, ORANGE))),
        column("Wrong, 1 d", f"ceil({found_wrong(OF, '1d', by='tenant')})", thresholds=RED_ABOVE_0),
        column("Around, 1 d", f"ceil(sum by (tenant) (increase(sluss_writes_around_gateway_total{{{OF}}}[1d])))", thresholds=RED_ABOVE_0),
        column(
            "Database answered", f"time() - max by (tenant) (sluss_tenant_observed_timestamp_seconds{{{OF}}})", unit="s",
            thresholds=steps("transparent", (60, ORANGE), (300, RED)),
        ),
    ],
    height=14,
    links={"tenant": to_dashboard("sluss-tenant", "This tenant", {"datasource": None, "tenant": "${__value.raw}"})},
    sort="Quarantined",
)

DASHBOARD = dashboard(
    "sluss-fleet", "Sluss: fleet", "All tenants: how far they are, and which of them need somebody.", [TENANTS],
    [("At a glance", GLANCE), ("Tenants", [TENANT_TABLE]), ("Progress", PROGRESS), ("Traffic", TRAFFIC)],
    annotations=[flips(OF)],
)
