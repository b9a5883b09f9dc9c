// Package processes runs many processes on one credential file, and kills them.
package processes
