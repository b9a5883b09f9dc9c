package stores

import "github.com/onerefresh/onerefresh"

// A Format is how other code keeps its session in localStorage. All of it is
// conversion: it must not have effects. Its methods run one at a time.
type Format interface {
	// Read returns the token that text holds, or the zero Token if that is of
	// nobody who is signed in. The error says that text is not of the format.
	// Of the times in a Token, those that text does not tell are zero.
	Read(text string) (onerefresh.Token, error)

	// Write returns text with token in the place of what it held. text is
	// empty where there is none.
	Write(token onerefresh.Token, text string) (string, error)

	// Beside returns the further keys in which the other code keeps copies.
	Beside() []string

	// Copy returns what the key beside the record is to hold, or an empty
	// string if it is to be removed. The zero Token stands for a sign-out.
	Copy(key string, token onerefresh.Token, text string) (string, error)
}
