"""In: the rows. Out: Grafana's dashboards as JSON, in the given folder (`make dashboards`).

In the classic schema, which Grafana provisions from files.
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    AxisPlacement,
    BigValueGraphMode,
    DataSourceRef,
    GraphThresholdsStyleMode,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from deploy.grafana.model import WIDTH, Kind, Panel, Query, Row
from deploy.grafana.rows_in import CONSUMING, GLANCE, INDEXING
from deploy.grafana.rows_through import BREAKER, CONSISTENCY, PIPELINE, RECONCILIATION, STORAGE, TEMPORAL

ROWS: Final = (GLANCE, INDEXING, CONSUMING, PIPELINE, BREAKER, CONSISTENCY, RECONCILIATION, STORAGE, TEMPORAL)
FILE: Final = "archon-enrichment.json"

_SOURCE: Final = DataSourceRef("prometheus", "${datasource}")
_GOOD, _BAD, _BETWEEN = "green", "red", "orange"
AnyPanel = timeseries.Panel | stat.Panel | statetimeline.Panel


def build() -> str:
    """The dashboard's JSON, ending in a line break."""
    made = (
        dashboard.Dashboard("Archon Enrichment")
        .uid("archon-enrichment")
        .description("Documents on their way in, being enriched, and waiting.")
        .tags(["archon"])
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    identity = 0
    for row in ROWS:
        identity += 1
        made.with_row(dashboard.Row(row.title).id(identity))
        for panel in row.panels:
            identity += 1
            made.with_panel(_panel(panel, row).id(identity))
    return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _panel(panel: Panel, row: Row) -> AnyPanel:
    made = _KINDS[panel.kind](panel)
    for reference, query in zip("ABCDEFGH", panel.queries, strict=False):
        made.with_target(_target(query, reference))
        if query.unit is not None:
            made.override_by_query(reference, _right_axis(query.unit))
    return (
        made.title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .thresholds(_thresholds(panel))
        .span(WIDTH // len(row.panels))
        .height(4 if panel.kind == "stat" else 8)
    )


def _target(query: Query, reference: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(reference)
        .datasource(_SOURCE)
    )


def _right_axis(unit: str) -> list[DynamicConfigValue]:
    return [DynamicConfigValue("unit", unit), DynamicConfigValue("custom.axisPlacement", AxisPlacement.RIGHT)]


def _graph(panel: Panel) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .min(0)
        .fill_opacity(20 if panel.stacked else 5)
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if panel.stacked:
        made.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if panel.limit is not None:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return made


def _stat(_: Panel) -> stat.Panel:
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    return stat.Panel().graph_mode(BigValueGraphMode.AREA).reduce_options(last)


def _states(panel: Panel) -> statetimeline.Panel:
    colours = (_GOOD, _BAD, _BETWEEN)
    named = {
        str(value): ValueMappingResult(text=name, color=colour, index=value)
        for value, (name, colour) in enumerate(zip(panel.names, colours, strict=True))
    }
    return statetimeline.Panel().mappings([ValueMap(named)])


_KINDS: Final[dict[Kind, Callable[[Panel], AnyPanel]]] = {"graph": _graph, "stat": _stat, "states": _states}


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [Threshold(None, _GOOD)]
    if panel.limit is not None:
        steps.append(Threshold(panel.limit, _BAD))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(build())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
