package app

import (
	"cmp"
	"context"
	"errors"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/app/suppress"
)

// A reading reads files of a repository whose formats need a library, in processes without credentials. What a process
// answers is checked against the files before it is believed.
type reading struct{ pool *confined.Pool }

// The tasks of the processes.
const (
	yamlTask    = "yaml"
	catalogTask = "catalogs"
	ignoreTask  = "ignores"
	commandTask = "commands"
)

// readingTasks are the process's side.
func readingTasks() map[string]confined.Task {
	return map[string]confined.Task{
		yamlTask: confined.Texts(func(ctx context.Context, names []string, texts [][]byte) (any, error) {
			files := make([]strictyaml.Source, len(texts))
			for i, text := range texts {
				files[i] = strictyaml.Source{File: names[i], Text: text}
			}
			return strictyaml.Here(ctx, files)
		}),
		catalogTask: confined.Texts(func(ctx context.Context, _ []string, texts [][]byte) (any, error) {
			return ownership.ParseCatalogs(ctx, texts)
		}),
		ignoreTask: confined.Texts(func(_ context.Context, names []string, texts [][]byte) (any, error) {
			if len(texts) != 1 {
				return nil, errors.New("one file at a time")
			}
			list, err := suppress.Entries(names[0], string(texts[0]))
			return ignoreAnswer{list, err != nil}, nil
		}),
		commandTask: confined.Texts(func(_ context.Context, _ []string, texts [][]byte) (any, error) {
			var lines []string
			for _, text := range texts {
				lines = append(lines, command.Find(string(text))...)
			}
			return lines, nil
		}),
	}
}

type ignoreAnswer struct {
	Entries []suppress.Entry
	Failed  bool
}

// yaml is a [strictyaml.Parser].
func (r reading) yaml(ctx context.Context, files []strictyaml.Source) ([]strictyaml.Document, error) {
	names, texts := make([]string, len(files)), make([][]byte, len(files))
	for i, f := range files {
		names[i], texts[i] = f.File, f.Text
	}
	var got []strictyaml.Document
	why, err := r.read(ctx, yamlTask, names, texts, &got)
	if err != nil {
		return nil, err
	}
	list := make([]strictyaml.Document, len(files))
	for i, f := range files {
		if why == "" && len(got) == len(files) {
			if list[i], err = got[i].Of(f); err == nil {
				continue
			}
		}
		list[i] = f.Refused("the file could not be read: " + cmp.Or(why, failed))
	}
	return list, nil
}

// catalogs is an [ownership.CatalogParser].
func (r reading) catalogs(ctx context.Context, texts [][]byte) ([]ownership.Catalog, error) {
	var got []ownership.Catalog
	why, err := r.read(ctx, catalogTask, make([]string, len(texts)), texts, &got)
	if err != nil {
		return nil, err
	}
	list := make([]ownership.Catalog, len(texts))
	for i, text := range texts {
		if why == "" && len(got) == len(texts) && got[i].Possible(text) {
			list[i] = got[i]
			continue
		}
		list[i] = ownership.Catalog{Problem: "it could not be read: " + cmp.Or(why, failed)}
	}
	return list, nil
}

// ignores is a [suppress.Parser].
func (r reading) ignores(ctx context.Context, file, text string) ([]suppress.Entry, error) {
	var got ignoreAnswer
	why, err := r.read(ctx, ignoreTask, []string{file}, [][]byte{[]byte(text)}, &got)
	switch {
	case err != nil:
		return nil, err
	case why != "", got.Failed, !suppress.Possible(got.Entries, text):
		return nil, suppress.ErrNotRead
	}
	return got.Entries, nil
}

// commands is [command.Find]. A comment that cannot be read has no commands.
func (r reading) commands(ctx context.Context, body string) ([]string, error) {
	candidates := command.Candidates(body)
	if len(candidates) == 0 {
		return nil, nil
	}
	var lines []string
	why, err := r.read(ctx, commandTask, []string{""}, [][]byte{[]byte(body)}, &lines)
	if err != nil || why != "" || !command.Possible(lines, candidates) {
		return nil, err
	}
	return lines, nil
}

// read has texts read. why says why they are not; err is for a failure that is not about the texts.
func (r reading) read(ctx context.Context, task string, names []string, texts [][]byte, answer any) (why string, err error) {
	if len(texts) == 0 {
		return "", nil
	}
	err = r.pool.Texts(ctx, task, names, texts, answer)
	var ended *confined.EndedError
	switch {
	case err == nil:
		return "", nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case !errors.As(err, &ended):
		// What the task says may quote the files, and a log must not.
		zerolog.Ctx(ctx).Warn().Str("task", task).Msg("files of a repository could not be read")
		return failed, nil
	case !ended.ByContent():
		return "", err
	}
	zerolog.Ctx(ctx).Warn().Err(ended).Str("task", task).Msg("files of a repository ended the process that read them")
	switch ended.Why {
	case confined.Overflowed:
		return "it is nested without end; make it simpler", nil
	case confined.Exhausted:
		return "that took too much memory; make it smaller", nil
	case confined.Stuck:
		return "that took too long; make it smaller", nil
	}
	return failed, nil
}

// failed is the reason when there is no better one.
const failed = "the process that read it failed; write it in a simpler way"
