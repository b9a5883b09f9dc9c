// Package explore runs the algorithm of the root package through every order
// in which the world can answer it, and through every single fault.
//
// It holds tests alone; see make explore. The tests own all ports of a few
// tabs that share a session: each call of a port waits until the explorer
// picks it as the next step. A schedule is the list of picks. To go through
// all schedules the explorer runs them one after the other from the start,
// changing the last pick that has an alternative left. Time is that of
// testing/synctest, and passes only when nothing else can happen, or as a
// fault.
package explore
