"""In: the metrics of the worker and of the installation. Out: panels about documents being enriched."""

from typing import Final

from deploy.grafana.model import RATE, Panel, Query, Row, quantiles, rates, total

_CONSUMER: Final = "archon_enrichment_consumer"
_INTELLIGENCE: Final = "archon_intelligence_enrichment"

PIPELINE: Final = Row(
    "Pipeline",
    (
        Panel(
            "Runs",
            "Ended, by outcome.",
            (Query(rates(f"{_CONSUMER}_processing_duration_seconds_count", "outcome"), "{{outcome}}"),),
            "cps",
            stacked=True,
        ),
        Panel(
            "Time to enrich",
            "From the moment a run takes a document up, its wait for an analysis included, over 5 minutes.",
            quantiles(f"le:{_CONSUMER}_processing_duration_seconds_bucket:rate5m"),
            "s",
            limit=30,
        ),
        Panel(
            "Time to analyse",
            "What the intelligence service takes to answer.",
            quantiles(rates(f"{_INTELLIGENCE}_duration_seconds_bucket")),
            "s",
        ),
        Panel(
            "Dead letters",
            "By failure type, over 5 minutes.",
            (Query(f"failure_type:{_CONSUMER}_dlq_published:rate5m", "{{failure_type}}"),),
            "cps",
            limit=0.1,
            stacked=True,
        ),
    ),
)
BREAKER: Final = Row(
    "Circuit breaker and failures",
    (
        Panel(
            "State",
            "Of each worker's breaker; while one is not closed, its analyses wait.",
            (Query(f"{_CONSUMER}_circuit_breaker_state", "{{instance}}"),),
            kind="states",
            names=("closed", "open", "half-open"),
        ),
        Panel(
            "Failure rate",
            "Share of the calls of the intelligence service that fail.",
            (
                Query(
                    f"{total(f'{_INTELLIGENCE}_errors_total')} / {total(f'{_INTELLIGENCE}_requests_total')}",
                    "failed",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Recovery attempts",
            "Probes of a service that was found down.",
            (
                Query(
                    f"sum by (outcome) (increase({_CONSUMER}_circuit_breaker_probes_total[{RATE}]))",
                    "{{outcome}}",
                ),
            ),
        ),
        Panel(
            "Errors",
            "Failed attempts and messages refused, by class; retries are attempts of a step after its first.",
            (
                Query(rates(f"{_CONSUMER}_errors_total", "error_type"), "{{error_type}}"),
                Query(rates(f"{_INTELLIGENCE}_errors_total", "error_type"), "intelligence: {{error_type}}"),
                Query(rates(f"{_CONSUMER}_retries_total", "activity"), "retry of {{activity}}"),
                Query(total("archon_enrichment_progress_lost_total"), "progress event lost"),
            ),
            "cps",
        ),
    ),
)
CONSISTENCY: Final = Row(
    "Consistency",
    (
        Panel(
            "Pending by age",
            "Documents indexed and not enriched, by the time since.",
            (Query("age:archon_documents_pending_enrichment:max", "{{age}}"),),
            stacked=True,
        ),
        Panel(
            "Completion",
            "Documents that need an enrichment, and those that have got it.",
            (
                Query(total('archon_bridge_documents_indexed_total{status!="unchanged"}'), "indexed"),
                Query(total("archon_documents_enriched_total"), "enriched"),
            ),
            "cps",
        ),
        Panel(
            "Age when enriched",
            "From indexing to enriched, all waiting included.",
            quantiles(rates("archon_enrichment_age_seconds_bucket")),
            "s",
        ),
        Panel(
            "Documents in the dead-letter queue",
            "Parked until somebody retries or discards them.",
            (Query("estate:archon_documents_parked:max", "parked"),),
        ),
    ),
)
RECONCILIATION: Final = Row(
    "Reconciliation",
    (
        Panel(
            "Drift",
            "Documents on which the stores disagreed in the last reconciliation, by kind.",
            (Query("kind:archon_reconcile_drift_documents:latest", "{{kind}}"),),
            stacked=True,
        ),
        Panel(
            "Repaired",
            "Submitted again, or put right at once, by kind.",
            (
                Query(
                    f"sum by (kind) (increase(archon_reconcile_repaired_total[{RATE}]))",
                    "{{kind}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Since the last reconciliation",
            "Rises above RECONCILE_INTERVAL where none comes to its end.",
            (
                Query(
                    "time() - max(archon_reconcile_last_run_timestamp_seconds > 0)",
                    "ago",
                ),
            ),
            "s",
        ),
    ),
)
STORAGE: Final = Row(
    "Storage",
    (
        Panel(
            "Free space",
            "Where each store has its files, as the services see it.",
            (Query("min by (store) (archon_storage_free_bytes)", "{{store}}"),),
            "bytes",
        ),
        Panel(
            "Share that is free",
            "Below a twentieth somebody is woken.",
            (
                Query(
                    "min by (store) (archon_storage_free_bytes / archon_storage_size_bytes)",
                    "{{store}}",
                ),
            ),
            "percentunit",
        ),
    ),
)
TEMPORAL: Final = Row(
    "Temporal",
    (
        Panel(
            "Activities wait for a worker",
            "P95 from scheduled to started, by task queue.",
            (
                Query(
                    "histogram_quantile(0.95, "
                    + rates("temporal_activity_schedule_to_start_latency_seconds_bucket", "le, task_queue")
                    + ")",
                    "{{task_queue}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Workflow tasks wait for a worker",
            "P95 from scheduled to started, by task queue.",
            (
                Query(
                    "histogram_quantile(0.95, "
                    + rates(
                        "temporal_workflow_task_schedule_to_start_latency_seconds_bucket", "le, task_queue"
                    )
                    + ")",
                    "{{task_queue}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Slots free",
            "At 0, all workers are busy; `intelligence` has MAX_CONCURRENT_ENRICHMENTS a worker.",
            (
                Query(
                    "sum by (task_queue, worker_type) "
                    '(temporal_worker_task_slots_available{worker_type!="LocalActivityWorker"})',
                    "{{task_queue}} {{worker_type}}",
                ),
            ),
        ),
        Panel(
            "Workflow tasks failed",
            "Not 0: code that open runs do not fit, or a fault of ours.",
            (Query(total("temporal_workflow_task_execution_failed_total"), "failed"),),
            "cps",
        ),
    ),
)
