"""Every method's terms on two or three pairs, by hand arithmetic and against autograd."""

import pytest
import torch

from engine.methods import METHODS, Part, Scene, Settings

F64 = torch.float64
S = 0.25  # |B| / |D|: two rated pairs of eight


def row(*values):
    return torch.tensor([values], dtype=F64)


def settled(method, observed, everywhere=None, uniform=None, settings=None):
    """The terms by support."""
    scene = Scene(observed, everywhere, uniform, S)
    terms = METHODS[method].terms(scene, settings or Settings())
    assert len({term.support for term in terms}) == len(terms)
    return {term.support: term for term in terms}


def assert_term(term, value, slope, label, scale):
    for got, wanted in zip(
        (term.value, term.slope, term.labels, term.scale), (value, slope, label, scale), strict=True
    ):
        torch.testing.assert_close(got.expand_as(wanted), wanted)


@pytest.mark.parametrize("method", ["mf", "ips", "ltd"])
def test_inverse_propensity_terms(method):
    """r_hat (0.5, 0.2), r (1, 0), 1/p (4, 2): e (0.25, 0.04); e/p (1, 0.08); 2e'/p (-4, 0.8)."""
    part = Part(row(0.5, 0.2), row(1.0, 0.0), {"inverse_propensity": row(4.0, 2.0)})
    terms = settled(method, part)
    assert set(terms) == {"observed"}
    assert_term(terms["observed"], row(1.0, 0.08), row(-4.0, 0.8), row(4.0, 0.0), row(4.0, 2.0))


def test_doubly_robust_terms():
    """On D g (0.1, -0.5, 0.2): g^2, -2g, r_hat + g, 0. On B e (0.25, 0.04), 1/p (4, 2):

    (e - g^2)/p = (0.24, -0.21) (4, 2); 2 (r_hat - r + g)/p = 2 (-0.4, -0.3) (4, 2);
    (r - r_hat - g)/p = (0.4, 0.3) (4, 2).
    """
    phi = {"inverse_propensity": row(4.0, 2.0), "imputation": row(0.1, -0.5)}
    observed = Part(row(0.5, 0.2), row(1.0, 0.0), phi)
    everywhere = Part(row(0.5, 0.2, 0.9), None, {"imputation": row(0.1, -0.5, 0.2)})
    terms = settled("dr", observed, everywhere)
    assert set(terms) == {"all", "observed"}
    assert_term(
        terms["all"], row(0.01, 0.25, 0.04), row(-0.2, 1.0, -0.4), row(0.6, -0.3, 1.1), row(0, 0, 0)
    )
    assert_term(terms["observed"], row(0.96, -0.42), row(-3.2, -1.2), row(1.6, 0.6), row(4.0, 2.0))


def test_autodebias_terms():
    """c = 0.75, s = 0.25, so c + s = 1. On D omega (1, 2, 3), m (0, 0.4, 0.9), r_hat - m (0.5,
    -0.2, 0): an expected error of (0.25, 0.28, 0.09), times c omega = (0.75, 1.5, 2.25). On B omega
    (0.5, 2), e (0.25, 0.04).
    """
    observed = Part(row(0.5, 0.2), row(1.0, 0.0), {"omega": row(0.5, 2.0)})
    phi = {"omega": row(1.0, 2.0, 3.0), "pseudo": row(0.0, 0.4, 0.9)}
    everywhere = Part(row(0.5, 0.2, 0.9), None, phi)
    terms = settled("autodebias", observed, everywhere, settings=Settings(imputation_weight=0.75))
    value, slope = row(0.1875, 0.42, 0.2025), row(0.75, -0.6, 0.0)
    assert_term(terms["all"], value, slope, row(0, 0.6, 2.025), row(0.75, 1.5, 2.25))
    assert_term(terms["observed"], row(0.125, 0.08), row(-0.5, 0.8), row(0.5, 0.0), row(0.5, 2.0))


def test_autodebias_with_true_imputed_chances_estimates_the_ideal_loss():
    """omega 1/p on B and 1 on D, m the chance of a positive: the mean over labels and observation
    of (c/(c + s)) times the first and (s/(c + s)) times the second is that of e."""
    c, m, r_hat = 0.5, row(0.3, 0.8), row(0.6, 0.1)
    one = torch.ones_like(m)
    ideal = m * (1 - r_hat).square() + (1 - m) * r_hat.square()
    rated = Part(r_hat, one, {"omega": one}), Part(r_hat, 0 * one, {"omega": one})
    everywhere = Part(r_hat, None, {"omega": one, "pseudo": m})
    positive, negative = (
        settled("autodebias", part, everywhere, settings=Settings(c)) for part in rated
    )
    expected = m * positive["observed"].value + (1 - m) * negative["observed"].value
    torch.testing.assert_close(positive["all"].value, c / (c + S) * ideal)
    torch.testing.assert_close(S * expected, S / (c + S) * ideal)  # a share s of D is rated


def test_kd_label_refines_labels_and_keeps_their_scale():
    """a = 1, teacher (0.5, 1), r (1, 0): refined (0.75, 0.5); r_hat (0.5, 0.2), 1/s = 4."""
    phi = {"inverse_propensity": row(4.0, 4.0), "teacher": row(0.5, 1.0)}
    part = Part(row(0.5, 0.2), row(1.0, 0.0), phi)
    terms = settled("kd-label", part, settings=Settings(teacher_weight=1.0))
    assert_term(terms["observed"], row(0.25, 0.36), row(-2.0, -2.4), row(3.0, 2.0), row(4.0, 4.0))


def test_a_teacher_without_weight_is_plain_mf():
    phi = {"inverse_propensity": row(4.0, 4.0), "teacher": row(0.5, 1.0)}
    part = Part(row(0.5, 0.2), row(1.0, 0.0), phi)
    term = settled("kd-label", part, settings=Settings(teacher_weight=0.0))["observed"]
    plain = settled("mf", part)["observed"]
    assert_term(term, plain.value, plain.slope, plain.labels, plain.scale)


def test_uniform_ratings_are_not_reweighted():
    part = Part(row(0.5), row(1.0), {"inverse_propensity": row(4.0)})
    uniform = Part(row(0.3, 0.6, 0.0), row(0.0, 1.0, 1.0))
    terms = settled("mf-uniform", part, uniform=uniform)
    assert set(terms) == {"uniform"}
    wanted = (row(0.09, 0.16, 1.0), row(0.6, -0.8, -2.0), row(0.0, 1.0, 1.0), row(1.0, 1.0, 1.0))
    assert_term(terms["uniform"], *wanted)


@pytest.mark.parametrize("method", ["mf-combine", "cause"])
def test_combined_terms_are_those_of_both(method):
    part = Part(row(0.5, 0.2), row(1.0, 0.0), {"inverse_propensity": row(4.0, 4.0)})
    uniform = Part(row(0.3), row(0.0))
    terms = settled(method, part, uniform=uniform)
    assert set(terms) == {"observed", "uniform"}
    assert_term(terms["observed"], row(1.0, 0.16), row(-4.0, 1.6), row(4.0, 0.0), row(4.0, 4.0))
    assert_term(terms["uniform"], row(0.09), row(0.6), row(0.0), row(1.0))


def phi_of(support, generator):
    n = {"observed": 3, "all": 5, "uniform": 2}[support]
    names = ("inverse_propensity", "omega", "teacher", "imputation", "pseudo")
    return n, {k: torch.rand(2, n, generator=generator, dtype=F64) + 0.1 for k in names}


def random_scene(seed=0):
    """Predictions that carry gradients, of two runs, and nuisance values that do not."""
    generator = torch.Generator().manual_seed(seed)
    parts = {}
    for support in ("observed", "all", "uniform"):
        n, phi = phi_of(support, generator)
        prediction = torch.rand(2, n, generator=generator, dtype=F64).requires_grad_()
        label = torch.rand(2, n, generator=generator, dtype=F64).round()
        parts[support] = Part(prediction, None if support == "all" else label, phi)
    return Scene(parts["observed"], parts["all"], parts["uniform"], S), parts


@pytest.mark.parametrize("method", [name for name in METHODS if name != "dr"])
def test_slope_is_the_derivative_of_value_by_the_prediction(method):
    scene, parts = random_scene()
    for term in METHODS[method].terms(scene, Settings(0.3, 0.4)):
        (found,) = torch.autograd.grad(term.value.sum(), parts[term.support].prediction)
        torch.testing.assert_close(term.slope, found, rtol=1e-12, atol=1e-14)


def test_dr_slopes_are_those_of_an_imputed_error_that_follows_the_prediction():
    """e_hat = (r_hat - stopgrad(r_hat) - g)^2: value g^2, derivative -2g."""
    scene, parts = random_scene()
    imputed, corrected = METHODS["dr"].terms(scene, Settings())
    B, D = parts["observed"], parts["all"]

    def e_hat(part):
        return (part.prediction - part.prediction.detach() - part.phi["imputation"]).square()

    error = B.prediction - B.label
    rated = (error.square() - e_hat(B)) * B.phi["inverse_propensity"]
    for term, value, part in ((imputed, e_hat(D), D), (corrected, rated, B)):
        torch.testing.assert_close(term.value, value, rtol=1e-12, atol=1e-14)
        (found,) = torch.autograd.grad(value.sum(), part.prediction)
        torch.testing.assert_close(term.slope, found, rtol=1e-12, atol=1e-14)


def dr_at(inverse, imputation, seed=1):
    """|D| times the DR estimate, its slope by the predictions of D, its labels; B: the first 3."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand(1, 5, generator=generator, dtype=F64)
    label = torch.rand(1, 3, generator=generator, dtype=F64).round()
    g = torch.rand(1, 5, generator=generator, dtype=F64)
    if imputation == "perfect":
        g[:, :3] = label - prediction[:, :3]
    phi = {"inverse_propensity": inverse, "imputation": g[:, :3]}
    observed = Part(prediction[:, :3], label, phi)
    terms = settled("dr", observed, Part(prediction, None, {"imputation": g}))
    slope = terms["all"].slope.clone()
    slope[:, :3] += terms["observed"].slope
    labels = terms["all"].labels.sum() + terms["observed"].labels.sum()
    return terms["all"].value.sum() + terms["observed"].value.sum(), slope, labels


def test_dr_with_perfect_imputation_does_not_depend_on_the_propensity():
    one, other = (dr_at(row(*p), "perfect") for p in ((1.0, 1.0, 1.0), (7.0, 2.0, 90.0)))
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    one, other = (dr_at(row(*p), "none") for p in ((1.0, 1.0, 1.0), (7.0, 2.0, 90.0)))
    for a, b in zip(one, other, strict=True):
        assert not torch.allclose(a, b)


def test_dr_with_full_observation_is_the_ideal_loss_whatever_is_imputed():
    """All of D rated, p = 1: sum e, its slope 2e', its labels r."""
    generator = torch.Generator().manual_seed(3)
    prediction, g = (torch.rand(1, 4, generator=generator, dtype=F64) for _ in range(2))
    label = row(1.0, 0.0, 0.0, 1.0)
    phi = {"inverse_propensity": torch.ones_like(g), "imputation": g}
    terms = settled(
        "dr", Part(prediction, label, phi), Part(prediction, None, {"imputation": g})
    ).values()
    error = prediction - label
    for name, wanted in (("value", error.square()), ("slope", 2 * error), ("labels", label)):
        torch.testing.assert_close(sum(getattr(term, name) for term in terms), wanted)


def test_methods_have_terms_where_they_say():
    scene, _ = random_scene()
    for method in METHODS.values():
        supports = [term.support for term in method.terms(scene, Settings())]
        assert ("all" in supports) == method.on_all
        assert ("uniform" in supports) == method.on_uniform
        if method.info.balances != ("none",):
            assert tuple(supports) == method.info.supports
