package jsonstream

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// walk reads {"list": [numbers], …}.
func walk(r io.Reader) (numbers []int, err error) {
	s, err := New(r)
	if err != nil {
		return nil, err
	}
	err = s.Object(func(key string) error {
		if key != "list" {
			return s.Skip()
		}
		return s.Array(func(i int) error {
			if i == 3 {
				return s.Pass()
			}
			var n int
			err := s.Decode(&n)
			if err == nil {
				numbers = append(numbers, n)
			}
			return err
		})
	})
	if err != nil {
		return numbers, err
	}
	return numbers, s.End()
}

func TestWalk(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string][]int{
		`{"list":[1,2,3,{"x":[4]},5]}`:                     {1, 2, 3, 5},
		"\xef\xbb\xbf {\"a\":{\"list\":[9]},\"list\":[]} ": nil,
		`{"list":null,"x":[[],{},null,1,"]"]}`:             nil,
		`{}`:                                               nil,
		`null`:                                             nil,
	} {
		if got, err := walk(strings.NewReader(doc)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", doc, got, err)
		}
	}
}

func TestMistakesAreReportedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		"":                            "the document is empty",
		"[]":                          "the document is a list and not an object",
		`"x"`:                         "the document is text and not an object",
		"7":                           "the document is a number and not an object",
		`{"list":{}}`:                 "list is an object and not a list",
		`{"list":true}`:               "list is true or false and not a list",
		`{"list":[1,"x"]}`:            "list[1] is not of the type that the format has there, but: string",
		`{"list":[1,}`:                "list[1] (byte 11) is not valid JSON: invalid character '}' looking for beginning of value",
		`{"list":[1`:                  "the document ends in the middle of list (byte 10)",
		`{"list":[]} {}`:              "something follows the document at byte 13; write one document to one file",
		`{"a\nb":` + "}":              `a\nb (byte 8) is not valid JSON: invalid character '}' looking for beginning of value`,
		`{"x":[` + "\x00":             "x (byte 6) is not valid JSON: invalid character '\\x00' looking for beginning of value",
		"\xfe\xff\x00{":               "it is UTF-16 text; write it as UTF-8",
		strings.Repeat(`{"x":`, 1000): "x is nested too deeply",
	} {
		if _, err := walk(strings.NewReader(doc)); err == nil || err.Error() != want {
			t.Errorf("%.40q: %v, want %s", doc, err, want)
		}
	}
	if _, err := walk(io.MultiReader(strings.NewReader(`{"list":[`), failing{})); !errors.Is(err, errFailing) {
		t.Errorf("an error of the reader is lost: %v", err)
	}
}

var errFailing = errors.New("the disk is gone")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errFailing }
