"""Kubernetes' functions, words and limits of expressions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seaway.controlplane.cel.authorizers import authorizer_of, judged_by
from seaway.controlplane.cel.environment import CompileError, EvaluationError, OutOfBudget, compiled, dynamic
from seaway.controlplane.cel.structs import as_maps

NAMES = dynamic(["self", "authorizer"])

VALUES = {
    "[1, 2, 2].isSorted() && ![2, 1].isSorted()": True,
    "[1, 2, 3].sum()": 6,
    "['b', 'a'].min() + ['b', 'a'].max()": "ab",
    "[1, 2, 2].lastIndexOf(2) - [1, 2, 2].indexOf(2)": 1,
    "[[1], [2, [3]]].flatten()": [1, 2, [3]],
    "[3, 1, 3].distinct()": [3, 1],
    "[3, 1, 2].sort().reverse().slice(0, 2)": [3, 2],
    "lists.range(3)": [0, 1, 2],
    "sets.contains([1, 2], [2]) && sets.equivalent([1], [1, 1]) && !sets.intersects([1], [2])": True,
    "'abc 123'.find('[0-9]+')": "123",
    "'1 a 2'.findAll('[0-9]')": ["1", "2"],
    "'1 a 2'.findAll('[0-9]', 1)": ["1"],
    "url('https://u@h.example.com:80/a%20b?x=1&x=2').getHost()": "h.example.com:80",
    "url('https://[::1]:80/').getHostname()": "::1",
    "url('/a?x=1&x=2').getQuery()": {"x": ["1", "2"]},
    "isURL('/a') && !isURL('a') && !isURL('http://a b')": True,
    "ip('::1').isLoopback() && ip('10.0.0.1').family() == 4 && !isIP('::ffff:1.2.3.4')": True,
    "ip.isCanonical('::1') && !ip.isCanonical('0::1')": True,
    "cidr('10.0.0.0/8').containsIP('10.1.1.1') && !cidr('10.0.0.0/8').containsIP(ip('11.1.1.1'))": True,
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr('10.0.0.1/8').masked() == cidr('10.0.0.0/8')": True,
    "string(cidr('10.0.0.0/8').ip())": "10.0.0.0",
    "quantity('1Gi') == quantity('1073741824') && quantity('1.5').isGreaterThan(quantity('1'))": True,
    "quantity('50k').add(20).sub(quantity('10')).asInteger()": 50010,
    "quantity('-1').sign() + quantity('2').compareTo(quantity('1'))": 0,
    "isQuantity('1Ki') && !isQuantity('1Kx')": True,
    "semver('1.2.3-a').isLessThan(semver('1.2.3')) && semver('v1.2', true).minor() == 2": True,
    "isSemver('1.2.3') && !isSemver('1.2') && !isSemver('01.2.3')": True,
    "format.dns1123Label().validate('a').hasValue()": False,
    "format.named('uuid').value().validate('x').value()": ["does not match the UUID format"],
    "'Ab-c'.lowerAscii().split('-').join('+').replace('b', 'd')": "ad+c",
    "'%s is %d'.format(['a', 1])": "a is 1",
    "jsonpatch.escapeKey('a/b~c')": "a~1b~0c",
    "self.?missing.orValue('x')": "x",
    "duration('90m') > duration('1h')": True,
    "timestamp('2026-01-01T00:00:00Z').getFullYear()": 2026,
    "authorizer.group('apps').resource('deployments').namespace('a').check('get').allowed()": True,
    "authorizer.requestResource.check('create').reason()": "create pods",
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text):
    values = {"self": {"a": 1}, "authorizer": authorizer_of("", "pods", "", "default", "p")}
    with judged_by(lambda asked: (True, f"{asked['verb']} {asked['resource']}")):
        assert compiled(text, NAMES).evaluate(values) == VALUES[text]


NO_VALUE = {
    "self.b": "no such key: b",
    "self.a / 0": "division by zero",
    "[1][self.a + 1]": "index out of bounds: 2",
    "self.a + 'x'": "no such overload",
    "int(self.s)": "type conversion error from 'string' to 'int'",
    "[].max()": "max called on empty list",
    "quantity(self.s)": "is not a quantity",
    "'aaaa'.find('(a+)+b')": "use matches()",
}


@pytest.mark.parametrize("text", NO_VALUE)
def test_what_is_told_where_there_is_no_value(text):
    with pytest.raises(EvaluationError) as failed:
        compiled(text, NAMES).evaluate({"self": {"a": 1, "s": "x"}})
    assert NO_VALUE[text] in str(failed.value)


@pytest.mark.parametrize(
    "text",
    [
        "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))",
        "self.map(a, self.map(b, self.map(c, a))).size() > 0",
    ],
)
def test_an_evaluation_ends(text):
    with pytest.raises(OutOfBudget, match="actual cost limit exceeded"):
        compiled(text, NAMES).evaluate({"self": list(range(1000))})


@pytest.mark.parametrize(
    "text",
    [
        "['a']" + ".map(x, x + x)" * 30,
        "(" * 200 + "1" + ")" * 200,
        "1" * 200_000,
    ],
)
def test_what_could_grow_without_end_is_not_compiled(text):
    with pytest.raises(CompileError):
        compiled(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "self.replace('', self)",
        "[1, 2, 3, 4].map(x, self).join('')",
        "'%s%s%s%s'.format([self, self, self, self])",
    ],
)
def test_a_text_does_not_grow_without_end(text):
    with pytest.raises(EvaluationError, match="may not grow"):
        compiled(text, NAMES).evaluate({"self": "a" * 1_000_000})


TEXTS = {
    "'abc'.charAt(1) + 'abc'.charAt(3)": "b",
    "'a,b,c'.split(',', 2)": ["a", "b,c"],
    "'abc'.split('')": ["a", "b", "c"],
    "'aaa'.replace('a', 'b', 2)": "bba",
    "'hello'.substring(1, 3) + 'hello'.substring(4)": "elo",
    "'a-a'.lastIndexOf('a') + 'a-a'.indexOf('a', 1)": 4,
    "' a '.trim().upperAscii()": "A",
    "strings.quote('a\\n')": '"a\\n"',
    "'%s %s %s %s'.format([true, [1, 'a'], {'k': 1.5}, null])": "true [1, a] {k: 1.5} null",
    "'%.2f %x %X %b %o %e%%'.format([1.5, 255, 'a', 5, 8, 2.0])": "1.50 ff 61 101 10 2.000000e+00%",
}


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text):
    assert compiled(text, NAMES).evaluate({}) == TEXTS[text]


STRUCTS = {
    "Object{spec: Object.spec{replicas: 1}}": '{"spec": {"replicas": 1}}',
    "[JSONPatch{op: 'add', path: '/a', value: x ? {'b': y} : z}]": "[{\"op\": 'add', \"path\": '/a', \"value\": x ? {'b': y} : z}]",
    "'Object{a: 1}' == x": "'Object{a: 1}' == x",
    "Object{?a: optional.of(1), `b-c`: f(d, e)}": '{?"a": optional.of(1), "b-c": f(d, e)}',
    "object.map(o, Object.l{name: o.name, n: [1, 2]})": 'object.map(o, {"name": o.name, "n": [1, 2]})',
}


@pytest.mark.parametrize("text", STRUCTS)
def test_structs_are_read_as_maps(text):
    assert as_maps(text) == STRUCTS[text]


def test_the_library_is_imported_with_the_first_expression_only():
    script = (
        "import sys, seaway.controlplane.apiserver.server, seaway.controlplane.kinds as kinds; "
        "sys.exit('cel_expr_python' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
