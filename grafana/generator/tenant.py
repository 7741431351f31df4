"""One tenant: where it stands, whether its documents are served, and whether they are the right ones."""

from common import LEFT_IN_WORDS, documents, failed_reads, found_wrong, seconds_left
from parts import (
    BLUE, GREEN, HOLDERS, NO_JUDGEMENT, ORANGE, PHASE_MAPPING, RATE, RED, SERVED_FROM, TENANT,
    bars, dashboard, flips, phase_number, query, series, stat, steps, timeline, words,
)

OF = 'tenant="$tenant"'

GLANCE = [
    stat("Phase", "Where reads come from, and where writes go.", phase_number(OF), mappings=PHASE_MAPPING, thresholds=NO_JUDGEMENT, spark=False, width=3),
    stat(
        "Clients' changes", "Read-only is an operator's: `sluss tenant read-only`.", f"max(sluss_tenant_read_only{{{OF}}})",
        mappings=words(_0=("taken", GREEN), _1=("refused", ORANGE)), thresholds=steps(GREEN, (1, ORANGE)), spark=False, width=3,
    ),
    stat(
        "Agents", "Paused by `sluss tenant pause`, or by `sluss pause` for all tenants.",
        f'max(sluss_work_paused{{tenant=~"$tenant|-"}})', mappings=words(_0=("at work", GREEN), _1=("paused", ORANGE)),
        thresholds=steps(GREEN, (1, ORANGE)), spark=False, width=3,
    ),
    stat(
        "Failed reads, 1 h", "Reads answered with a 5xx, or ended short. The objective is 0.1 %.", failed_reads(OF, "1h"),
        unit="percentunit", decimals=2, thresholds=steps(GREEN, (0.001, ORANGE), (0.0144, RED)), width=3,
    ),
    stat("Quarantined jobs", "Jobs that failed for the last time: `sluss jobs list --state quarantined`.", f'sum(sluss_jobs{{{OF},state="quarantined"}})', width=3),
    stat("Found wrong, 1 d", "Differences between holders that were found.", f"ceil({found_wrong(OF, '1d')})", width=3),
    stat(
        "Database answered", "How long ago its database last answered. All gauges of the tenant are as old.",
        f"time() - max(sluss_tenant_observed_timestamp_seconds{{{OF}}})", unit="s", thresholds=steps(GREEN, (60, ORANGE), (300, RED)), spark=False, width=3,
    ),
    stat(
        "Documents counted", "How long ago the last full sweep ended. What is shown by holder is that, and the commits since.",
        f"time() - max(sluss_documents_counted_timestamp_seconds{{{OF}}})", unit="s", thresholds=steps(GREEN, (129_600, ORANGE), (216_000, RED)),
        spark=False, width=3,
    ),
]

PROGRESS = [
    timeline("Phase", "Flips, and how long each phase has lasted.", [query(phase_number(OF), "phase")], PHASE_MAPPING, width=24, height=4),
    stat(
        "Only in SQL", "What is still to be copied in shadow and dual.", documents(OF + ',held_by="sql"', ""), thresholds=NO_JUDGEMENT, width=6,
    ),
    stat(
        "Copied in", "Until nothing is left in SQL alone, as fast as in the last half hour.", seconds_left(OF + ',held_by="sql"'), unit="s",
        mappings=LEFT_IN_WORDS, thresholds=NO_JUDGEMENT, decimals=0, spark=False, width=6,
    ),
    stat(
        "Only in objects", "What has to be written back before SQL is complete again.", documents(OF + ',held_by="object"', ""),
        thresholds=NO_JUDGEMENT, width=6,
    ),
    stat(
        "Written back in", "Until nothing is left in the object store alone, as fast as in the last half hour. Means something on the way back, or with `mirror`.",
        seconds_left(OF + ',held_by="object"'), unit="s", mappings=LEFT_IN_WORDS, thresholds=NO_JUDGEMENT, decimals=0, spark=False, width=6,
    ),
    series(
        "Documents by holder", "Of the last full sweep, and the commits since.", [query(documents(OF, "held_by"), "{{held_by}}")],
        stack=True, colors=HOLDERS, width=12,
    ),
    series(
        "Content by holder", "The same in bytes.", [query(documents(OF, "held_by", "sluss_document_bytes"), "{{held_by}}")],
        unit="bytes", stack=True, colors=HOLDERS, width=12,
    ),
]

TRAFFIC = [
    series(
        "Requests by the store that served them", "Answers without content have \"-\".",
        [query(f"sum by (served_from) (rate(sluss_requests_total{{{OF}}}[{RATE}]))", "{{served_from}}")],
        unit="reqps", stack=True, colors=SERVED_FROM, width=8,
    ),
    series(
        "Requests by operation", "What clients ask for.", [query(f"sum by (operation) (rate(sluss_requests_total{{{OF}}}[{RATE}]))", "{{operation}}")],
        unit="reqps", stack=True, width=8,
    ),
    series(
        "Answers that are not good", "4xx is the client's, 5xx is ours or a store's; \"ended short\" began as a good one.",
        [
            query(f'sum by (code) (rate(sluss_requests_total{{{OF},code=~"[45].."}}[{RATE}]))', "{{code}}"),
            query(f"sum(rate(sluss_reads_broken_total{{{OF}}}[{RATE}]))", "ended short"),
        ],
        unit="reqps", width=8,
    ),
    series(
        "Fallbacks", "Reads that the preferred store failed and the other one answered, by reason. In object there is no other one.",
        [query(f"sum by (reason) (rate(sluss_fallbacks_total{{{OF}}}[{RATE}])) or vector(0)", "{{reason}}")], unit="reqps", width=8,
    ),
    series(
        "Asked of both", "Reads for which SQL was asked beside a slow object store, by whose bytes were sent. One in twenty reads is normal.",
        [query(f"sum by (winner) (rate(sluss_hedges_total{{{OF}}}[{RATE}]))", "{{winner}}")], unit="reqps",
        colors={"sql": BLUE, "object": ORANGE}, width=8,
    ),
    series(
        "Connections to SQL", "Of all processes. Somebody who waits at each look for minutes: too few connections, or a slow database.",
        [
            query(f"sum by (state) (sluss_sql_pool_connections{{{OF}}})", "{{state}}"),
            query(f"sum(sluss_sql_pool_waiting{{{OF}}})", "waiting"),
        ],
        colors={"waiting": RED, "in_use": BLUE, "idle": GREEN}, width=8,
    ),
]

TRUST = [
    series(
        "Compared beside reads", "In phase shadow. Before dual: enough that are equal, and besides only moved and dropped.",
        [query(f"sum by (verdict) (rate(sluss_compared_total{{{OF}}}[{RATE}]))", "{{verdict}}")], unit="ops",
        colors={"equal": GREEN, "different": RED, "failed": ORANGE}, width=8,
    ),
    series(
        "Differences found", "In an hour, by kind; the same one found again counts again.",
        [query(f"sum by (kind) (increase(sluss_differences_found_total{{{OF}}}[1h]))", "{{kind}}")], width=8,
    ),
    series(
        "Broken sole objects, and writes around the gateway", "In an hour. Each of the former is a loss until it is restored from a backup.",
        [
            query(f"sum(increase(sluss_sole_objects_broken_total{{{OF}}}[1h]))", "sole objects broken"),
            query(f"sum(increase(sluss_writes_around_gateway_total{{{OF}}}[1h]))", "written around"),
        ],
        colors={"sole objects broken": RED, "written around": ORANGE}, width=8,
    ),
]

WORK = [
    series(
        "Open jobs", "By kind, without those that are quarantined.",
        [query(f'sum by (kind) (sluss_jobs{{{OF},state!="quarantined"}})', "{{kind}}")], stack=True, width=8,
    ),
    series(
        "Age of the oldest open job", "By kind. Sweeps, verifications and purges may take days; copies and write-backs should not take an hour.",
        [query(f"max by (kind) (sluss_job_oldest_seconds{{{OF}}})", "{{kind}}")], unit="s", limit=3600, width=8,
    ),
    series(
        "Jobs that were finished", "By kind: what they were for is done. Nothing while jobs are open, for an hour, is an alert.",
        [query(f"sum by (kind) (rate(sluss_jobs_finished_total{{{OF}}}[{RATE}]))", "{{kind}}")], unit="ops", width=8,
    ),
    bars(
        "Placements", "How full those are that have a limit, by objects or by bytes, whichever is more. A full one takes no new objects.",
        [
            query(
                f"max by (placement) (sluss_placement_objects{{{OF}}} / sluss_placement_objects_limit{{{OF}}} "
                f"or sluss_placement_bytes{{{OF}}} / sluss_placement_bytes_limit{{{OF}}})",
                "{{placement}}",
            )
        ],
        width=24, height=8,
    ),
]

DASHBOARD = dashboard(
    "sluss-tenant", "Sluss: one tenant",
    "One tenant: where it stands, whether its documents are served, and whether they are the right ones. Latencies are on the page of all tenants, "
    "and of the process: a histogram for each tenant would be many series.",
    [TENANT],
    [("At a glance", GLANCE), ("Progress", PROGRESS), ("Traffic", TRAFFIC), ("Trust", TRUST), ("Work", WORK)],
    annotations=[flips(OF)],
)
