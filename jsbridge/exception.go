//go:build js && wasm

package jsbridge

// An Exception is a JavaScript value that was thrown, or with which a Promise
// was rejected.
type Exception struct {
	Name    string // such as "TypeError" or "AbortError"; empty if it has none
	Message string // empty if it has none
	Value   Value  // what was thrown, which may be anything at all
}

func (e *Exception) Error() string {
	switch {
	case e.Name == "" && e.Message == "":
		return "JavaScript exception"
	case e.Name == "":
		return "JavaScript exception: " + e.Message
	case e.Message == "":
		return e.Name
	}
	return e.Name + ": " + e.Message
}

// exception returns v, which was thrown, as an error. To read its fields may
// throw in turn, in which case they stay empty.
func exception(v Value) *Exception {
	e := &Exception{Value: v}
	if v.IsObject() {
		e.Name = v.text("name")
		e.Message = v.text("message")
	} else if text, err := invoke(stringOf, v); err == nil {
		e.Message, _ = text.Text()
	}
	return e
}

// text returns the property name of an object if it is a string.
func (v Value) text(name string) string {
	property, err := v.Get(name)
	if err != nil {
		return ""
	}
	text, _ := property.Text()
	return text
}

// typeError returns an Exception of our own making, in place of one that the
// engine would throw.
func typeError(message string) *Exception {
	return &Exception{Name: "TypeError", Message: message}
}
