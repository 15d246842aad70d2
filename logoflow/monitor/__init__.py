"""What dashboards read: the state of pipelines, store and server, as JSON, as Prometheus text and as a page."""
