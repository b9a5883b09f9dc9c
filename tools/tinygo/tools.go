// Package tinygo is a module of its own, so that nobody who imports the project
// sees what its compiler needs.
package tinygo
