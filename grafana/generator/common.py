"""Queries that several dashboards ask."""

from parts import RATE

READS = 'operation=~"read|head|metadata|list"'


def failed_reads(selector, window=RATE, by="", seen=READS):
    """The share of reads that failed: refused by us or by a store, or ended short. Nothing where nobody reads."""
    group = f"sum by ({by}) " if by else "sum"
    failed = f'rate(sluss_requests_total{{{selector},{seen},code=~"5.."}}[{window}]) or rate(sluss_reads_broken_total{{{selector}}}[{window}])'
    asked = f"rate(sluss_requests_total{{{selector},{seen}}}[{window}])"
    return f"{group}({failed}) / ({group}({asked}) > 0)"


def slow_reads(selector, window=RATE):
    """The share of reads that waited for more than a second for the head of their answer."""
    in_time = f'sum(rate(sluss_response_start_seconds_bucket{{{selector},{READS},le="1"}}[{window}]))'
    asked = f"(sum(rate(sluss_response_start_seconds_count{{{selector},{READS}}}[{window}])) > 0)"
    return f"1 - {in_time} / {asked}"


def percentile(share, metric, selector, by=""):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{selector}}}[{RATE}])))"


def documents(selector, by, metric="sluss_documents"):
    """Documents, or bytes, by labels. One process exports a tenant's, and for a moment two where another one takes over."""
    return f"sum by ({by}) (max by (tenant, held_by) ({metric}{{{selector}}}))" if by else f"sum(max by (tenant, held_by) ({metric}{{{selector}}}))"


NOT_MOVING = 10 * 365 * 86_400


def seconds_left(selector):
    """How long until a holder's documents are gone, as fast as they became fewer in half an hour: 0 where there are none."""
    pace = f"clamp_min(-sum(deriv(sluss_documents{{{selector}}}[30m])), 0.000001)"
    return f"clamp_max({documents(selector, '')} / {pace}, {NOT_MOVING})"


LEFT_IN_WORDS = [
    {"type": "range", "options": {"from": NOT_MOVING, "to": None, "result": {"text": "not moving", "color": "orange", "index": 0}}},
    {"type": "value", "options": {"0": {"text": "nothing left", "color": "green", "index": 1}}},
]


def found_wrong(selector, window, by=""):
    """Differences between holders that were found, by whoever found them."""
    group = f"sum by ({by}) " if by else "sum"
    different = f'increase(sluss_compared_total{{{selector},verdict="different"}}[{window}])'
    return f"{group}(increase(sluss_differences_found_total{{{selector}}}[{window}]) or {different})"
