//go:build js && wasm

package stores

import "github.com/onerefresh/onerefresh"

// write stores rec in the format, in the place of what v shows.
func (s *localStorage) write(v *sight, rec *onerefresh.Record) error {
	text := ""
	if rec.Token.AccessToken != "" || rec.Token.RefreshToken != "" {
		var err error
		if text, err = s.rewrite(v, rec); err != nil {
			return err
		}
	}
	note, err := v.note.follow(&v.rec, rec, text).text()
	if err != nil {
		return err
	}
	if text != v.text {
		if err := s.setItem(s.key, text); err != nil {
			return err
		}
		s.copies(&rec.Token)
	}
	// The note comes second: whoever sees it sees the text.
	if err := s.setItem(s.noteKey, note); err != nil {
		if text != "" {
			s.setItem(s.key, v.text)
		}
		return err
	}
	_, err = s.look() // so that this page can put it back
	return err
}

// rewrite returns the text of the format for token. It asks the format even
// where nothing is to be changed: that it cannot write has to show before a
// refresh token is sent, and not after.
func (s *localStorage) rewrite(v *sight, rec *onerefresh.Record) (string, error) {
	token, basis := &rec.Token, v.text
	if v.err != nil && !v.putBack || rec.Epoch != v.rec.Epoch && rec.Epoch == rec.Generation {
		basis = "" // nothing of another user, and of nonsense, is kept
	}
	text, err := s.format.Write(*token, basis)
	if err != nil {
		return "", err
	}
	read, err := s.format.Read(text)
	if err != nil {
		return "", err
	}
	if text == "" || read.AccessToken != token.AccessToken || read.RefreshToken != token.RefreshToken {
		return "", &onerefresh.RecordError{Where: s.key, Problem: "its format does not read what it has written"}
	}
	was := &v.rec.Token
	if v.present && v.err == nil && was.AccessToken == token.AccessToken && was.RefreshToken == token.RefreshToken && was.Expiry.Equal(token.Expiry) {
		return v.text, nil
	}
	return text, nil
}

// copies brings what the other code keeps beside its record up to date, as far
// as possible: whoever reads the record does not need it.
func (s *localStorage) copies(token *onerefresh.Token) {
	for _, key := range s.format.Beside() {
		was, _, err := s.item(key)
		if err != nil {
			continue
		}
		if text, err := s.format.Copy(key, *token, was); err == nil && text != was {
			s.setItem(key, text)
		}
	}
}
