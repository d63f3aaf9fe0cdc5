//! The schedule against products of β computed with 60 digits:
//!
//! ```python
//! import mpmath as m; m.mp.dps = 60
//! def linear(T, b0, b1): return [m.mpf(b0) + (m.mpf(b1) - m.mpf(b0)) * t / (T - 1) for t in range(T)]
//! def cosine(T):
//!     f = lambda t: m.cos((m.mpf(t) / T + m.mpf("0.008")) / m.mpf("1.008") * m.pi / 2) ** 2
//!     return [min(1 - f(t + 1) / f(t), m.mpf("0.999")) for t in range(T)]
//! def row(beta, t):
//!     prev = m.fprod(1 - b for b in beta[:t]); ab = prev * (1 - beta[t]); snr = ab / (1 - ab)
//!     return [beta[t], ab, m.sqrt(ab), m.sqrt(1 - ab), snr, m.log(snr), m.sqrt(prev) * beta[t] / (1 - ab),
//!             m.sqrt(1 - beta[t]) * (1 - prev) / (1 - ab), beta[t] * (1 - prev) / (1 - ab)]
//! print([float(x) for x in row(linear(1000, "0.0001", "0.2"), 999)])
//! ```

use super::*;

/// The largest relative error that is allowed anywhere.
const TOLERANCE: f64 = 1e-12;

/// β, ᾱ, √ᾱ, √(1−ᾱ), SNR, log SNR, c_x0, c_xt, β̃ at `t`.
fn check(schedule: &Schedule, t: usize, expected: [f64; 9]) {
    let (c_x0, c_xt) = schedule.posterior_mean_coefficients(t);
    let computed = [
        schedule.beta(t),
        schedule.alpha_bar(t),
        schedule.sqrt_alpha_bar(t),
        schedule.sqrt_one_minus_alpha_bar(t),
        schedule.snr(t),
        schedule.log_snr(t),
        c_x0,
        c_xt,
        schedule.posterior_variance(t),
    ];
    for (i, (computed, expected)) in computed.into_iter().zip(expected).enumerate() {
        let error = (computed - expected).abs();
        assert!(error <= TOLERANCE * expected.abs(), "quantity {i} at t = {t}: {computed:e}, not {expected:e}");
    }
}

#[test]
#[rustfmt::skip]
fn linear_1000_to_0_02_agrees_with_60_digits() {
    let schedule = Schedule::linear(1000, 1e-4, 0.02).unwrap();
    check(&schedule, 0, [0.0001, 0.9999, 0.9999499987499375, 0.01, 9999.0,
        9.21024036697585, 1.0, 0.0, 0.0]);
    check(&schedule, 1, [0.00011991991991991992, 0.9997800920720721, 0.9998900399904341, 0.014829292900469932, 4546.357657463524,
        8.422081676518708, 0.5452914995102714, 0.45470849899056465, 5.4531876613026055e-05]);
    check(&schedule, 500, [0.01005995995995996, 0.0777966583650239, 0.2789205233843933, 0.9603141890209559, 0.08435954941032642,
        -2.4726672646574444, 0.0030580570756296196, 0.9941043507567258, 0.010051335778909593]);
    check(&schedule, 999, [0.02, 4.0358297653756835e-05, 0.006352818087570022, 0.99997982064757, 4.035992651168427e-05,
        -10.117673183301033, 0.00012835148717224695, 0.9899486782675173, 0.019999983526560607]);
}

#[test]
#[rustfmt::skip]
fn linear_1000_to_0_2_agrees_with_60_digits() {
    let schedule = Schedule::linear(1000, 1e-4, 0.2).unwrap();
    check(&schedule, 0, [0.0001, 0.9999, 0.9999499987499375, 0.01, 9999.0,
        9.21024036697585, 1.0, 0.0, 0.0]);
    check(&schedule, 1, [0.0003001001001001001, 0.9995999299099099, 0.9997999449439422, 0.02000175217549928, 2498.562013683188,
        7.823470650841734, 0.7500813036345114, 0.24991869261348673, 7.501188105127324e-05]);
    check(&schedule, 10, [0.002101001001001001, 0.9879587051520415, 0.9939611185313244, 0.10973283395574196, 82.04754701439329,
        4.407298920859988, 0.17361177252641755, 0.826385595532882, 0.0017380637603075378]);
    check(&schedule, 334, [0.06693343343343343, 1.0254963835029853e-05, 0.00320233724567383, 0.9999948725049369, 1.0255069000391578e-05,
        -11.487738437999223, 0.0002219005146219172, 0.965952997693529, 0.0669333841941]);
    check(&schedule, 700, [0.14017007007007007, 3.742734184591885e-23, 6.117788967095779e-12, 1.0, 3.742734184591885e-23,
        -51.63964072913585, 9.247908053178725e-13, 0.9272701493793111, 0.14017007007007007]);
    check(&schedule, 999, [0.2, 2.0914203697434649e-47, 4.573204969978346e-24, 1.0, 2.0914203697434649e-47,
        -107.48365593282074, 1.0225997187911468e-24, 0.8944271909999159, 0.2]);
}

#[test]
#[rustfmt::skip]
fn cosine_1000_agrees_with_60_digits() {
    let schedule = Schedule::cosine(1000).unwrap();
    check(&schedule, 0, [4.1284224821777805e-05, 0.9999587157751783, 0.9999793576745363, 0.00642528013566551, 24221.32715563769,
        10.094988811462066, 1.0, 0.0, 0.0]);
    check(&schedule, 1, [4.614175273669451e-05, 0.999912575927368, 0.9999562870082712, 0.009350084097588569, 11437.497085460787,
        9.344652454760643, 0.527781409336212, 0.47221859042566183, 2.178949614566204e-05]);
    check(&schedule, 500, [0.003155691441585003, 0.4922851724488026, 0.7016303673935462, 0.7125411058677228, 0.9696096031372278,
        -0.030861759490444816, 0.004367866899526318, 0.995356279455225, 0.0031460051254634785]);
    check(&schedule, 998, [0.749999392901162, 2.428766907034468e-06, 0.0015584501618705901, 0.9999987856158091, 2.428772805957484e-06,
        -12.928124446300913, 0.0023376761898175097, 0.49999696394663296, 0.7499939281844662]);
    check(&schedule, 999, [0.999, 2.4287669070344683e-09, 4.928252131369162e-05, 0.9999999987856165, 2.428766912933377e-09,
        -19.83588215162414, 0.0015568917154900465, 0.031622699874134644, 0.9989975760881922]);
}

#[test]
#[rustfmt::skip]
fn cosine_4000_agrees_with_60_digits() {
    let schedule = Schedule::cosine(4000).unwrap();
    check(&schedule, 0, [9.865818813591633e-06, 0.9999901341811864, 0.9999950670784263, 0.0031409901008426677, 101359.06132834624,
        11.526424554182075, 1.0, 0.0, 0.0]);
    check(&schedule, 3999, [0.999, 1.5179804688495631e-10, 1.2320635003316847e-05, 0.9999999999241009, 1.5179804690799895e-10,
        -22.608470117268507, 0.0003892230756715568, 0.031622771806208344, 0.9989998485053974]);
}

#[test]
fn every_quantity_is_finite_at_the_corners() {
    let corners = [
        Schedule::linear(2, 1e-9, 1.0 - f64::EPSILON),
        Schedule::linear(4000, 0.999_999, 0.999_999),
        Schedule::linear(4000, 1e-12, 1e-12),
        Schedule::linear(1000, 1e-5, 0.5),
        Schedule::cosine(2),
        Schedule::cosine(4000),
    ];
    for schedule in corners {
        let schedule = schedule.unwrap();
        for t in 0..schedule.timesteps() {
            let (c_x0, c_xt) = schedule.posterior_mean_coefficients(t);
            let log_variance = schedule.posterior_log_variance(t);
            let all = [schedule.snr(t), schedule.log_snr(t), schedule.log_alpha(t), c_x0, c_xt, log_variance];
            assert!(all.iter().all(|value| value.is_finite()), "t = {t}: {all:?}");
            assert!((0.0..=1.0).contains(&schedule.alpha_bar(t)));
            assert!(schedule.one_minus_alpha_bar(t) > 0.0);
            assert!(schedule.posterior_variance(t) <= schedule.beta(t));
        }
    }
}

#[test]
fn posterior_log_variance_at_the_first_step_is_that_of_the_second() {
    let schedule = Schedule::linear(1000, 1e-4, 0.02).unwrap();
    assert_eq!(schedule.posterior_log_variance(0), schedule.posterior_variance(1).ln());
    assert_eq!(schedule.posterior_log_variance(700), schedule.posterior_variance(700).ln());
}

#[test]
fn pure_noise_begins_where_the_image_is_under_half_a_grey_level() {
    assert_eq!(Schedule::linear(1000, 1e-4, 0.02).unwrap().pure_noise_from(), None);
    let steep = Schedule::linear(1000, 1e-4, 0.2).unwrap();
    let first = steep.pure_noise_from().unwrap();
    assert!(steep.sqrt_alpha_bar(first) * 127.5 < 0.5 && steep.snr(first - 1) >= PURE_NOISE_SNR, "{first}");
}

#[test]
fn values_that_cannot_work_are_named() {
    type Case = (Result<Schedule>, Setting);
    let cases: [Case; 7] = [
        (Schedule::linear(1, 1e-4, 0.02), Setting::Timesteps),
        (Schedule::linear(4001, 1e-4, 0.02), Setting::Timesteps),
        (Schedule::cosine(0), Setting::Timesteps),
        (Schedule::linear(10, 0.02, 1e-4), Setting::BetaStart),
        (Schedule::linear(10, 0.0, 0.02), Setting::BetaStart),
        (Schedule::linear(10, 0.1, 1.0), Setting::BetaEnd),
        (Schedule::linear(10, 0.1, f64::NAN), Setting::BetaEnd),
    ];
    for (i, (made, setting)) in cases.into_iter().enumerate() {
        match made {
            Err(Error::Setting(problem)) => assert_eq!(problem.setting, setting, "case {i}"),
            other => panic!("case {i}: {other:?}"),
        }
    }
}
