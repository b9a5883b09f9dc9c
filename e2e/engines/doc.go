// Package engines runs the storms, the hand-off and the sign-outs in WebKitGTK,
// whose engine is Safari's, and in Firefox. Package e2e has them in Chromium,
// with all the faults.
package engines
