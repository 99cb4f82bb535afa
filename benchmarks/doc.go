// Package benchmarks measures what the library costs. Each benchmark stands beside the same work
// done without it, in one run, so that the ratio counts and the machine does not. It has no gate.
package benchmarks
