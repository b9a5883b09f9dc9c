// Package otelx is what fosite uses of the package of that name.
package otelx

import "go.opentelemetry.io/otel/trace"

// End ends a span, which nobody looks at.
func End(span trace.Span, _ *error) { span.End() }
