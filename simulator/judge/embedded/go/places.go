package main

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// ruleProblem is what Prometheus says about a place of a rule file. Line and column from 1, columns in characters; 0:
// nobody knows where.
type ruleProblem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// ruleFile is the text of a rule file and the same as a YAML document, to find places in.
type ruleFile struct {
	lines  []string
	groups []*yaml.Node
	root   *yaml.Node
}

func newRuleFile(text string) *ruleFile {
	file := &ruleFile{lines: strings.Split(text, "\n"), root: nowhere}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err == nil {
		file.root = rootOf(&document)
		file.groups = childrenOf(child(file.root, "groups"))
	}
	return file
}

// problemsOf gives an error of rulefmt with the place of what it is about: inside of an expression or a template, the
// very character.
func (f *ruleFile) problemsOf(err error) []ruleProblem {
	var ofRule *rulefmt.Error
	if !errors.As(err, &ofRule) {
		return f.problemsOfText(err.Error())
	}
	plain := stripPlaces(err.Error())
	rule := f.ruleNode(ofRule, plain)
	var ofExpression parser.ParseErrors
	if errors.As(ofRule.Err.Unwrap(), &ofExpression) {
		node := child(rule, "expr")
		problems := make([]ruleProblem, 0, len(ofExpression))
		for _, one := range ofExpression {
			line, column := f.placeIn(node, int(one.PositionRange.Start))
			// The place inside of the expression is part of the place in the file now.
			message := strings.Replace(plain, ofExpression.Error(), "parse error: "+one.Err.Error(), 1)
			problems = append(problems, ruleProblem{line, column, message})
		}
		return problems
	}
	if match := ofTemplate.FindStringSubmatch(plain); match != nil {
		node := child(child(rule, match[1]+"s"), unquoted(match[2]))
		line, column := f.placeIn(node, templatePlace(node.Value, match[3]))
		return []ruleProblem{{line, column, plain}}
	}
	if match := ofName.FindStringSubmatch(plain); match != nil {
		if node := keyOf(child(rule, match[1]+"s"), match[2]); node.Line > 0 {
			return []ruleProblem{{node.Line, node.Column, plain}}
		}
	}
	problem := placed(err.Error())
	if problem.Line == 0 {
		problem.Line, problem.Column = rule.Line, rule.Column
	}
	return []ruleProblem{problem}
}

var (
	placePrefix = regexp.MustCompile(`^(\d+):(\d+): (?s)(.*)$`)
	yamlLine    = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s)(.*)$`)
	ofTemplate  = regexp.MustCompile(`: (label|annotation) ("(?:[^"\\]|\\.)*"): template: (?s)(.*)$`)
	ofName      = regexp.MustCompile(`: invalid (label|annotation) name: (?s)(.*)$`)
	unknownKey  = regexp.MustCompile(`^field (\S+) not found in type`)
	ofDuration  = regexp.MustCompile(`duration(?: string)?:? ("(?:[^"\\]|\\.)*")`)
)

func unquoted(text string) string {
	plain, err := strconv.Unquote(text)
	if err != nil {
		return text
	}
	return plain
}

func stripPlaces(message string) string {
	for {
		match := placePrefix.FindStringSubmatch(message)
		if match == nil {
			return message
		}
		message = match[3]
	}
}

// placed takes the place out of a message that begins with it; of two the first may be that of a field which is not there.
func placed(message string) ruleProblem {
	problem := ruleProblem{Message: stripPlaces(message)}
	for problem.Line == 0 {
		match := placePrefix.FindStringSubmatch(message)
		if match == nil {
			break
		}
		problem.Line, _ = strconv.Atoi(match[1])
		problem.Column, _ = strconv.Atoi(match[2])
		message = match[3]
	}
	return problem
}

// problemsOfText places what the YAML reader says: it knows lines only, and tells several problems in one message.
func (f *ruleFile) problemsOfText(message string) []ruleProblem {
	if rest, found := strings.CutPrefix(message, "yaml: unmarshal errors:\n"); found {
		var problems []ruleProblem
		for line := range strings.SplitSeq(rest, "\n") {
			problems = append(problems, f.problemsOfText(strings.TrimSpace(line))...)
		}
		return problems
	}
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		line, _ := strconv.Atoi(match[1])
		word := ""
		if key := unknownKey.FindStringSubmatch(match[2]); key != nil {
			word = key[1]
		}
		return []ruleProblem{{line, f.columnOf(line, word), match[2]}}
	}
	problem := placed(message)
	if match := ofDuration.FindStringSubmatch(message); match != nil && problem.Line == 0 {
		if node := findScalar(f.root, unquoted(match[1])); node != nil {
			problem.Line, problem.Column = node.Line, node.Column
		}
	}
	return []ruleProblem{problem}
}

// columnOf gives the column of a word in a line, or that of its first character.
func (f *ruleFile) columnOf(line int, word string) int {
	if line < 1 || line > len(f.lines) {
		return 1
	}
	text := f.lines[line-1]
	at := strings.Index(text, word)
	if word == "" || at < 0 {
		at = len(text) - len(strings.TrimLeft(text, " -"))
	}
	return utf8.RuneCountInString(text[:at]) + 1
}

func findScalar(node *yaml.Node, value string) *yaml.Node {
	if node.Kind == yaml.ScalarNode && node.Value == value {
		return node
	}
	for _, one := range node.Content {
		if found := findScalar(one, value); found != nil {
			return found
		}
	}
	return nil
}

// ruleNode finds the rule that an error is about. Two groups may have the same name; then the place tells.
func (f *ruleFile) ruleNode(err *rulefmt.Error, _ string) *yaml.Node {
	for _, group := range f.groups {
		rules := childrenOf(child(group, "rules"))
		if child(group, "name").Value != err.Group || err.Rule > len(rules) {
			continue
		}
		rule := rules[err.Rule-1]
		if err.RuleName == "" || child(rule, "alert").Value == err.RuleName || child(rule, "record").Value == err.RuleName {
			return rule
		}
	}
	return nowhere
}

// placeIn gives line and column of a byte of a scalar's value. What is no white space has the same order in the file and
// in the value, however the value is quoted, folded and indented; so both are walked along side by side.
func (f *ruleFile) placeIn(node *yaml.Node, offset int) (line, column int) {
	if node.Line == 0 || node.Line > len(f.lines) {
		return node.Line, node.Column
	}
	source := f.sourceOf(node)
	at := source.begin(node.Style)
	behind := at
	for i, c := range node.Value {
		if unicode.IsSpace(c) {
			if i >= offset {
				break
			}
			continue
		}
		at = source.skipSpace(at, node.Style)
		if i >= offset {
			return source.place(at)
		}
		at += source.unit(at, node.Style)
		behind = at
	}
	return source.place(behind)
}

type scalarSource struct {
	text         []rune
	line, column int
}

func (f *ruleFile) sourceOf(node *yaml.Node) scalarSource {
	text := []rune(strings.Join(f.lines[node.Line-1:], "\n"))
	skipped := min(node.Column-1, len(text))
	return scalarSource{text[skipped:], node.Line, node.Column}
}

// begin gives the position of the content: behind an anchor, a tag, a quote, or the head of a block.
func (s scalarSource) begin(style yaml.Style) int {
	at := 0
	for at < len(s.text) && (s.text[at] == '&' || s.text[at] == '!') {
		for at < len(s.text) && !unicode.IsSpace(s.text[at]) {
			at++
		}
		for at < len(s.text) && unicode.IsSpace(s.text[at]) {
			at++
		}
	}
	switch {
	case style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		for at < len(s.text) && s.text[at] != '\n' {
			at++
		}
	case style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		at++
	}
	return min(at, len(s.text))
}

func (s scalarSource) skipSpace(at int, style yaml.Style) int {
	for at < len(s.text) {
		switch {
		case unicode.IsSpace(s.text[at]):
			at++
		case style&yaml.DoubleQuotedStyle != 0 && s.text[at] == '\\' && at+1 < len(s.text) && strings.ContainsRune("nrt \n\t", s.text[at+1]):
			at += 2
		default:
			return at
		}
	}
	return at
}

// unit is how many characters of the file stand for one of the value.
func (s scalarSource) unit(at int, style yaml.Style) int {
	if at+1 >= len(s.text) {
		return 1
	}
	switch {
	case style&yaml.SingleQuotedStyle != 0 && s.text[at] == '\'' && s.text[at+1] == '\'':
		return 2
	case style&yaml.DoubleQuotedStyle != 0 && s.text[at] == '\\':
		switch s.text[at+1] {
		case 'x':
			return 4
		case 'u':
			return 6
		case 'U':
			return 10
		}
		return 2
	}
	return 1
}

func (s scalarSource) place(at int) (line, column int) {
	line, column = s.line, s.column
	for _, c := range s.text[:min(at, len(s.text))] {
		if c == '\n' {
			line++
			column = 1
		} else {
			column++
		}
	}
	return line, column
}
