"""The agents: what is left to do, what they do, and what holds them back."""

from common import percentile
from parts import (
    BLUE, GREEN, INSTANCES, NO_JUDGEMENT, ORANGE, RATE, RED, TENANTS,
    column, dashboard, flips, query, series, stat, steps, table, words,
)

OF = 'tenant=~"$tenant"'
AT = 'instance=~"$instance"'

GLANCE = [
    stat("Open jobs", "Ready and leased, of all kinds.", f'sum(sluss_jobs{{{OF},state!="quarantined"}})', thresholds=NO_JUDGEMENT, width=4),
    stat(
        "Oldest copy or write-back", "Whether the agents keep up.", f'max(sluss_job_oldest_seconds{{{OF},kind=~"copy|write_back"}})', unit="s",
        thresholds=steps(GREEN, (900, ORANGE), (3600, RED)), width=4,
    ),
    stat("Quarantined", "Failed for the last time: `sluss jobs list --state quarantined` has the reasons.", f'sum(sluss_jobs{{{OF},state="quarantined"}})', width=4),
    stat(
        "All agents", "`sluss pause` stops the agents of all tenants; documents are served as ever.", 'max(sluss_work_paused{tenant="-"})',
        mappings=words(_0=("at work", GREEN), _1=("paused", ORANGE)), thresholds=steps(GREEN, (1, ORANGE)), spark=False, width=4,
    ),
    stat("Copied", "Content of copies that were committed.", f"sum(rate(sluss_copied_bytes_total{{{AT}}}[{RATE}]))", unit="Bps", thresholds=NO_JUDGEMENT, width=4),
    stat(
        "Taken over, 1 h", "Jobs whose agent died, or hung for longer than its lease.", f"ceil(sum(increase(sluss_jobs_taken_over_total{{{AT}}}[1h])))",
        thresholds=steps(GREEN, (1, ORANGE)), width=4,
    ),
]

JOBS = [
    series("Open jobs by kind", "Without those that are quarantined.", [query(f'sum by (kind) (sluss_jobs{{{OF},state!="quarantined"}})', "{{kind}}")], stack=True, width=8),
    series("Jobs by state", "Leased: an agent is at it.", [query(f"sum by (state) (sluss_jobs{{{OF}}})", "{{state}}")], colors={"quarantined": RED, "leased": GREEN, "ready": BLUE}, width=8),
    series(
        "Age of the oldest open job", "By kind. Sweeps, verifications and purges may take days.",
        [query(f"max by (kind) (sluss_job_oldest_seconds{{{OF}}})", "{{kind}}")], unit="s", limit=3600, width=8,
    ),
    series(
        "Attempts by outcome", "again: the document needs the job still; retry: failed, and tried later; given_back: left to others; lost: another agent has it.",
        [query(f"sum by (outcome) (rate(sluss_job_duration_seconds_count{{{AT}}}[{RATE}]))", "{{outcome}}")], unit="ops",
        colors={"done": GREEN, "retry": ORANGE, "quarantined": RED}, width=8,
    ),
    series(
        "Attempts by kind", "How many of each kind are made.", [query(f"sum by (kind) (rate(sluss_job_duration_seconds_count{{{AT}}}[{RATE}]))", "{{kind}}")],
        unit="ops", width=8,
    ),
    series(
        "Time of one attempt", "By kind, 99 %.", [query(percentile(0.99, "sluss_job_duration_seconds", AT, "kind"), "{{kind}}")], unit="s", width=8,
    ),
]

COPIES = [
    series(
        "Copied content", "Committed copies, by process.", [query(f"sum by (instance) (rate(sluss_copied_bytes_total{{{AT}}}[{RATE}]))", "{{instance}}")],
        unit="Bps", stack=True, width=8,
    ),
    series(
        "Copied documents", "Moved: dropped because the row had moved meanwhile, which is normal under writes. From the cache: SQL was not asked for the content again.",
        [
            query(f"sum(rate(sluss_copied_documents_total{{{AT}}}[{RATE}]))", "copied"),
            query(f"sum(rate(sluss_copies_moved_total{{{AT}}}[{RATE}]))", "moved"),
            query(f"sum(rate(sluss_cache_copies_total{{{AT}}}[{RATE}]))", "from the cache"),
        ],
        unit="ops", colors={"copied": GREEN, "moved": ORANGE}, width=8,
    ),
    series(
        "Contents that move now", "By direction; downloads and uploads are clients'.",
        [query(f"sum by (direction) (sluss_transfers_in_flight{{{AT}}})", "{{direction}}")], stack=True, width=8,
    ),
]

OTHER = [
    series(
        "Verified", "Documents found equal in all their holders.", [query(f"sum(rate(sluss_verified_documents_total{{{AT}}}[{RATE}]))", "documents")],
        unit="ops", width=6,
    ),
    series(
        "Read for verification", "In bytes. By the clock it goes at the pace of `agents.verify_bytes_per_second`.",
        [query(f"sum(rate(sluss_verified_bytes_total{{{AT}}}[{RATE}]))", "content")], unit="Bps", width=6,
    ),
    series(
        "Purged", "Contents that left SQL.", [query(f"sum(rate(sluss_purged_documents_total{{{AT}}}[{RATE}]))", "documents")], unit="ops", width=6,
    ),
    series(
        "Purged content, and uploads given up", "Uploads that nobody may publish any more are for the collector.",
        [
            query(f"sum(rate(sluss_purged_bytes_total{{{AT}}}[{RATE}]))", "bytes that left SQL, a second"),
            query(f"sum(rate(sluss_uploads_condemned_total{{{AT}}}[{RATE}]))", "uploads given up, a second"),
        ],
        width=6,
    ),
]

LIMITS = [
    table(
        "Limits and pauses", "What operators have set: `sluss limits show`. The tenant \"-\" is all together. Limits hold for all processes together.", ["tenant"],
        [
            column("Agents", "max by (tenant) (sluss_work_paused)", mappings=words(_0=("at work", "transparent"), _1=("paused", ORANGE))),
            column("Documents a second", "max by (tenant) (sluss_work_documents_per_second_limit)"),
            column("Bytes a second", "max by (tenant) (sluss_work_bytes_per_second_limit)", unit="Bps"),
            column("Jobs at once", "max by (tenant) (sluss_work_jobs_limit)"),
        ],
        width=12, height=8,
    ),
    series(
        "Quarantined jobs", "By tenant and kind: the ten with most of them.",
        [query(f'topk(10, sum by (tenant, kind) (sluss_jobs{{{OF},state="quarantined"}}))', "{{tenant}} {{kind}}")], width=12,
    ),
]

DASHBOARD = dashboard(
    "sluss-agents", "Sluss: agents",
    "What is left to do, what the agents do, and what holds them back. Jobs are chosen by tenant, what is done by process: it is not counted by tenant.",
    [TENANTS, INSTANCES],
    [("At a glance", GLANCE), ("Jobs", JOBS), ("Copies", COPIES), ("Verification and purge", OTHER), ("Limits", LIMITS)],
    annotations=[flips(OF)],
)
