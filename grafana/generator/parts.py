"""What dashboards are put together from: panels of few kinds, which look alike everywhere.

Colours mean the same on every page: blue is SQL, orange is the object store, green is both of them, or that all is well; red is trouble.
Queries go by the metrics themselves, so the dashboards work without the recording rules.
"""

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Grafana chooses a window that holds several scrapes.
RATE = "$__rate_interval"

GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE, GREY = "green", "yellow", "orange", "red", "blue", "purple", "text"

HOLDERS = {"sql": BLUE, "both": GREEN, "object": ORANGE}
SERVED_FROM = {"sql": BLUE, "object": ORANGE, "cache": PURPLE, "-": GREY}

# A phase as a number, so that a line, a cell and a timeline can show it.
PHASES = {"sql": BLUE, "shadow": "light-blue", "dual": GREEN, "object": ORANGE, "sealed": PURPLE}


def phase_number(selector):
    """The phase of each tenant, as its place in PHASES."""
    of = [f'sluss_tenant_phase{{{selector},phase="{phase}"}} * {number}' for number, phase in enumerate(PHASES)]
    # Of five series one is 1 and the others are 0: the largest is the number, or 0 for the first phase.
    return "max by (tenant) (" + " or ".join(of) + ")"


PHASE_MAPPING = [
    {
        "type": "value",
        "options": {
            str(number): {"text": phase, "color": color, "index": number} for number, (phase, color) in enumerate(PHASES.items())
        },
    }
]


def words(**texts):
    """Values in words: words(_0=("closed", GREEN), _1=("open", RED))."""
    options = {key.lstrip("_"): {"text": text, "color": color, "index": at} for at, (key, (text, color)) in enumerate(texts.items())}
    return [{"type": "value", "options": options}]


def steps(*bounds):
    """Thresholds: the first colour, then (value, colour) from which on the next one holds."""
    first, *rest = bounds
    return {"mode": "absolute", "steps": [{"color": first, "value": None}] + [{"color": color, "value": at} for at, color in rest]}


ALL_WELL_AT_0 = steps(GREEN, (1, RED))
NO_JUDGEMENT = steps(GREY)


def query(expr, legend="", instant=False):
    kind = {"instant": True, "range": False, "format": "table"} if instant else {"instant": False, "range": True, "format": "time_series"}
    return {"datasource": DATA_SOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend or "__auto", **kind}


def _panel(kind, title, description, queries, width, height):
    targets = [{"refId": chr(ord("A") + at), **one} for at, one in enumerate(queries)]
    panel = {"type": kind, "title": title, "description": description, "datasource": DATA_SOURCE, "targets": targets}
    return panel | {"gridPos": {"w": width, "h": height}}


def _color(name, color):
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}]}


def stat(title, description, expr, unit="short", thresholds=ALL_WELL_AT_0, width=4, decimals=None, mappings=(), spark=True, link=None):
    """One figure, coloured by how good it is."""
    panel = _panel("stat", title, description, [query(expr)], width, 4)
    defaults = {"unit": unit, "thresholds": thresholds, "mappings": list(mappings), "color": {"mode": "thresholds"}, "noValue": "-"}
    if decimals is not None:
        defaults["decimals"] = decimals
    if link:
        defaults["links"] = [link]
    panel["fieldConfig"] = {"defaults": defaults, "overrides": []}
    panel["options"] = {
        "colorMode": "value" if thresholds is NO_JUDGEMENT and not mappings else "background",
        "graphMode": "area" if spark else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value",
        "wideLayout": True,
    }
    return panel


def series(title, description, queries, unit="short", width=12, height=8, stack=False, colors=None, limit=None, percent=False):
    """Lines over time. `limit`: a value that is drawn as a dashed line."""
    panel = _panel("timeseries", title, description, queries, width, height)
    defaults = {
        "unit": unit,
        "min": 0,
        "color": {"mode": "palette-classic"},
        "mappings": [],
        "thresholds": steps(GREEN, (limit, RED)) if limit is not None else steps(GREEN),
        "custom": {
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": 40 if stack else 8,
            "gradientMode": "none",
            "showPoints": "never",
            "spanNulls": False,
            "axisPlacement": "auto",
            "scaleDistribution": {"type": "linear"},
            "stacking": {"mode": "percent" if percent else "normal" if stack else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if limit is not None else "off"},
        },
    }
    overrides = [_color(name, color) for name, color in (colors or {}).items()]
    panel["fieldConfig"] = {"defaults": defaults, "overrides": overrides}
    panel["options"] = {
        "legend": {"displayMode": "table", "placement": "right" if width > 12 else "bottom", "calcs": ["lastNotNull", "max"], "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel


def timeline(title, description, queries, mappings, width=12, height=6):
    """States over time, a row each."""
    panel = _panel("state-timeline", title, description, queries, width, height)
    defaults = {
        "color": {"mode": "thresholds"},
        "thresholds": steps(GREY),
        "mappings": list(mappings),
        "custom": {"fillOpacity": 80, "lineWidth": 0},
    }
    panel["fieldConfig"] = {"defaults": defaults, "overrides": []}
    panel["options"] = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.85,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel


def bars(title, description, queries, unit="percentunit", thresholds=None, width=12, height=6, maximum=1):
    """How full things are."""
    panel = _panel("bargauge", title, description, queries, width, height)
    defaults = {
        "unit": unit,
        "min": 0,
        "max": maximum,
        "thresholds": thresholds or steps(GREEN, (0.8, ORANGE), (1, RED)),
        "mappings": [],
        "color": {"mode": "thresholds"},
    }
    panel["fieldConfig"] = {"defaults": defaults, "overrides": []}
    panel["options"] = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "sizing": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel


def column(name, expr, unit="short", thresholds=None, mappings=None, width=None, decimals=None):
    """One column of a table: what is asked for, and how it looks."""
    return {"name": name, "expr": expr, "unit": unit, "thresholds": thresholds, "mappings": mappings, "width": width, "decimals": decimals}


def table(title, description, key, columns, width=24, height=10, links=None, sort=None):
    """A row for each value of the labels in `key`, which each column's query has to have, and no other."""
    panel = _panel("table", title, description, [query(one["expr"], instant=True) for one in columns], width, height)
    overrides = []
    for one in columns:
        properties = [{"id": "unit", "value": one["unit"]}]
        if one["decimals"] is not None:
            properties.append({"id": "decimals", "value": one["decimals"]})
        if one["mappings"]:
            properties.append({"id": "mappings", "value": one["mappings"]})
        if one["thresholds"]:
            properties.append({"id": "thresholds", "value": one["thresholds"]})
        if one["mappings"] or one["thresholds"]:
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
        if one["width"]:
            properties.append({"id": "custom.width", "value": one["width"]})
        overrides.append({"matcher": {"id": "byName", "options": one["name"]}, "properties": properties})
    for name, link in (links or {}).items():
        overrides.append({"matcher": {"id": "byName", "options": name}, "properties": [{"id": "links", "value": [link]}]})
    defaults = {
        "color": {"mode": "thresholds"},
        "thresholds": steps("transparent"),
        "mappings": [],
        "noValue": "-",
        "custom": {"align": "auto", "filterable": True, "cellOptions": {"type": "auto"}},
    }
    panel["fieldConfig"] = {"defaults": defaults, "overrides": overrides}
    panel["options"] = {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
        "sortBy": [{"displayName": sort, "desc": True}] if sort else [],
    }
    # With one query Grafana calls the values "Value", with several ones "Value #A" and so on.
    value = (lambda at: "Value") if len(columns) == 1 else (lambda at: f"Value #{chr(ord('A') + at)}")
    renamed = {value(at): one["name"] for at, one in enumerate(columns)}
    order = {name: at for at, name in enumerate(list(key) + list(renamed))}
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "includeByName": {}, "indexByName": order, "renameByName": renamed}},
    ]
    return panel


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": []}


def choice(name, label, metric, what, multiple=True):
    """A variable with the values of a label."""
    asked = f"label_values({metric}, {what})"
    variable = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATA_SOURCE,
        "definition": asked,
        "query": {"qryType": 1, "query": asked, "refId": f"{name}s"},
        "refresh": 2,
        "sort": 1,
        "regex": "",
        "hide": 0,
        "skipUrlSync": False,
        "multi": multiple,
        "includeAll": multiple,
        "options": [],
    }
    everything = {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}} if multiple else {"current": {}}
    return variable | everything


SOURCE = {
    "name": "datasource",
    "label": "Data source",
    "type": "datasource",
    "query": "prometheus",
    "regex": "",
    "refresh": 1,
    "hide": 0,
    "skipUrlSync": False,
    "multi": False,
    "includeAll": False,
    "options": [],
    "current": {},
}
TENANTS = choice("tenant", "Tenant", "sluss_tenant_phase", "tenant")
TENANT = choice("tenant", "Tenant", "sluss_tenant_phase", "tenant", multiple=False)
INSTANCES = choice("instance", "Process", "sluss_build_info", "instance")


def flips(selector):
    """A mark where a tenant came into another phase."""
    moved = f"max by (tenant, phase) (changes(sluss_tenant_phase{{{selector}}}[1m])) > 0"
    now = f"max by (tenant, phase) (sluss_tenant_phase{{{selector}}}) == 1"
    return {
        "name": "Flips",
        "datasource": DATA_SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": PURPLE,
        "expr": f"({moved}) and ({now})",
        "step": "30s",
        "titleFormat": "{{tenant}} is in {{phase}}",
        "textFormat": "",
        "tagKeys": "tenant,phase",
        "useValueForTime": False,
    }


def to_dashboard(uid, title, variables):
    """A link from a figure to another page; a variable without a value keeps what is chosen here."""
    chosen = "&".join(f"var-{variable}={value}" if value else f"${{{variable}:queryparam}}" for variable, value in variables.items())
    return {"title": title, "url": f"/d/{uid}?${{__url_time_range}}&{chosen}", "targetBlank": False}


def _place(rows):
    """From left to right, and on to the next line where there is no room left."""
    placed, top = [], 0
    for title, panels in rows:
        placed.append(row(title) | {"gridPos": {"x": 0, "y": top, "w": 24, "h": 1}})
        left, top, tallest = 0, top + 1, 0
        for panel in panels:
            width, height = panel["gridPos"]["w"], panel["gridPos"]["h"]
            if left + width > 24:
                left, top, tallest = 0, top + tallest, 0
            placed.append(panel | {"gridPos": {"x": left, "y": top, "w": width, "h": height}})
            left, tallest = left + width, max(tallest, height)
        top += tallest
    return [{"id": number, **panel} for number, panel in enumerate(placed, start=1)]


def dashboard(uid, title, description, variables, rows, annotations=(), span="now-6h"):
    others = {
        "type": "dashboards",
        "title": "Sluss",
        "tags": ["sluss"],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["sluss"],
        "schemaVersion": 41,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": span, "to": "now"},
        "timepicker": {},
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "annotations": {"list": list(annotations)},
        "links": [others],
        "templating": {"list": [SOURCE, *variables]},
        "panels": _place(rows),
    }
