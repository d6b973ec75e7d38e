"""In: the metrics of bridge and ingress. Out: panels about documents on their way in."""

from typing import Final

from deploy.grafana.model import Panel, Query, Row, quantiles, rates, total

_CONSUMER: Final = "archon_enrichment_consumer"
_PENDING: Final = "age:archon_documents_pending_enrichment:max"
_LAG: Final = "topic_partition:archon_kafka_consumer_lag:max"
_PARKED: Final = "estate:archon_documents_parked:max"

GLANCE: Final = Row(
    "At a glance",
    (
        Panel(
            "Alerts",
            "Alerts that fire now.",
            (Query('count(ALERTS{alertstate="firing"}) or vector(0)', "firing"),),
            kind="stat",
            limit=1,
        ),
        Panel(
            "Services",
            "Instances that answer Prometheus.",
            (Query('sum by (job) (up{job=~"bridge|ingress|worker|intelligence"})', "{{job}}"),),
            kind="stat",
        ),
        Panel(
            "Breakers not closed",
            "Workers that wait for the intelligence service.",
            (Query(f"count({_CONSUMER}_circuit_breaker_state > 0) or vector(0)", "open"),),
            kind="stat",
            limit=1,
        ),
        Panel(
            "Documents pending",
            "Indexed, and not enriched yet.",
            (Query(f"sum({_PENDING})", "pending"),),
            kind="stat",
        ),
        Panel(
            "Documents parked",
            "Failed, with a dead letter; they wait for a retry.",
            (Query(_PARKED, "parked"),),
            kind="stat",
            limit=1,
        ),
        Panel(
            "Records behind",
            "Records that the ingress has not handled.",
            (Query(f"sum({_LAG})", "lag"),),
            kind="stat",
            limit=500,
        ),
    ),
)
INDEXING: Final = Row(
    "Indexing",
    (
        Panel(
            "Documents indexed",
            "By status: partial lacks its point, deferred its enrichment request, unchanged needs nothing.",
            (Query(rates("archon_bridge_documents_indexed_total", "status"), "{{status}}"),),
            "cps",
            stacked=True,
        ),
        Panel(
            "Time to index",
            "From a parsed submission to its answer, over 5 minutes.",
            quantiles("le:archon_bridge_indexing_duration_seconds_bucket:rate5m"),
            "s",
            limit=0.25,
        ),
        Panel(
            "Requests published",
            "Enrichment requests that Kafka has acknowledged, or not in time; these follow later.",
            (
                Query(total("archon_bridge_enrichment_events_published_total"), "published"),
                Query(total("archon_bridge_enrichment_publish_errors_total"), "not acknowledged"),
                Query(total("archon_bridge_indexing_errors_total"), "not indexed"),
            ),
            "cps",
        ),
        Panel(
            "Time to publish",
            "From sending a request to Kafka's acknowledgement.",
            quantiles(rates("archon_bridge_enrichment_publish_duration_seconds_bucket")),
            "s",
        ),
    ),
)
CONSUMING: Final = Row(
    "Consumer health",
    (
        Panel(
            "Records",
            "Taken from a topic, and handled: durable in Temporal or the stores, or a dead letter.",
            (
                Query(rates(f"{_CONSUMER}_messages_consumed_total", "topic"), "consumed {{topic}}"),
                Query(rates(f"{_CONSUMER}_messages_processed_total", "topic"), "handled {{topic}}"),
                Query(total(f"{_CONSUMER}_versions_overtaken_total"), "overtaken by a newer version"),
            ),
            "cps",
        ),
        Panel(
            "Success",
            "Share of the records handled that did not end as a dead letter.",
            (
                Query(
                    f"clamp_min(1 - {total(f'{_CONSUMER}_dlq_published_total')}"
                    f" / {total(f'{_CONSUMER}_messages_processed_total')}, 0)",
                    "success",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Lag",
            "Records not handled yet, by partition.",
            (Query(_LAG, "{{topic}} {{partition}}"),),
            limit=500,
        ),
        Panel(
            "Topics",
            "Records and, where the broker tells, bytes.",
            (
                Query("max by (topic) (archon_kafka_topic_messages_count)", "records {{topic}}"),
                Query("max by (topic) (archon_kafka_topic_size_bytes)", "bytes {{topic}}", unit="bytes"),
            ),
        ),
    ),
)
