//! The noise schedule: β, and everything that follows from it, exact even where ᾱ underflows f32.
//!
//! At T = 1000 and β up to 0.2, ᾱ_T is e⁻¹⁰⁷: zero in f32, so that 1/√ᾱ and log ᾱ computed there are infinite.
//! Here β, log α and log ᾱ are held in f64, and every other quantity is one `exp` or `exp_m1` away from them.

use crate::config::{DiffusionSettings, MAX_TIMESTEPS, Problem, ScheduleKind, Setting};
use crate::{Error, Result};

/// SNR below which x_t is called pure noise: √ᾱ·127.5 is then 0.4, under half a grey level of an 8-bit image.
pub const PURE_NOISE_SNR: f64 = 1e-5;

/// β_t for t in `0..T`, with log α_t = log(1−β_t) and log ᾱ_t = Σ_{s≤t} log α_s.
///
/// Every function of `t` panics when `t ≥ T`; timesteps come from this crate's own code, never from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    beta: Vec<f64>,
    log_alpha_bar: Vec<f64>,
}

impl Schedule {
    /// β from `beta_start` to `beta_end` in equal steps (Ho et al. 2020, section 4).
    ///
    /// # Errors
    /// [`Error::Setting`] unless 2 ≤ T ≤ 4,000 and 0 < β₀ ≤ β₁ < 1.
    pub fn linear(timesteps: usize, beta_start: f64, beta_end: f64) -> Result<Self> {
        check_timesteps(timesteps)?;
        check_beta(Setting::BetaStart, 0, beta_start)?;
        check_beta(Setting::BetaEnd, timesteps - 1, beta_end)?;
        if beta_start > beta_end {
            let what = format!("β₀ = {beta_start} is larger than β₁ = {beta_end}");
            return Err(problem(Setting::BetaStart, what, "noise must grow: choose β₀ ≤ β₁"));
        }
        let step = (beta_end - beta_start) / (timesteps - 1) as f64;
        let mut beta: Vec<f64> = (0..timesteps).map(|t| beta_start + step * t as f64).collect();
        beta[timesteps - 1] = beta_end;
        Self::from_betas(beta)
    }

    /// ᾱ follows cos²((t/T + s)/(1 + s) · π/2) with s = 0.008, β at most 0.999 (Nichol & Dhariwal 2021, eq. 17).
    ///
    /// # Errors
    /// [`Error::Setting`] unless 2 ≤ T ≤ 4,000.
    pub fn cosine(timesteps: usize) -> Result<Self> {
        check_timesteps(timesteps)?;
        const S: f64 = 0.008;
        let steps = timesteps as f64;
        let per_step = std::f64::consts::FRAC_PI_2 / (1.0 + S) / steps;
        let beta = (0..timesteps).map(|t| {
            // 1 − cos²b/cos²a = sin(a+b)·sin(b−a)/cos²a loses no digits where β is small, and cos a is taken
            // as the sine of the complement so that it loses none where ᾱ is small.
            let a = (t as f64 + S * steps) * per_step;
            let complement = (timesteps - t) as f64 * per_step;
            ((2.0 * a + per_step).sin() * per_step.sin() / complement.sin().powi(2)).min(0.999)
        });
        Self::from_betas(beta.collect())
    }

    /// The schedule with these β_t.
    ///
    /// # Errors
    /// [`Error::Setting`] unless there are 2 to 4,000 of them, each in (0, 1).
    pub fn from_betas(beta: Vec<f64>) -> Result<Self> {
        check_timesteps(beta.len())?;
        for (t, &beta) in beta.iter().enumerate() {
            check_beta(if t == 0 { Setting::BetaStart } else { Setting::BetaEnd }, t, beta)?;
        }
        // Neumaier's compensated sum: over 4,000 terms a plain one loses the digits that exp then magnifies.
        let (mut sum, mut lost) = (0.0f64, 0.0f64);
        let log_alpha_bar = beta.iter().map(|&beta| {
            let log_alpha = (-beta).ln_1p();
            let next = sum + log_alpha;
            lost += if sum.abs() >= log_alpha.abs() { (sum - next) + log_alpha } else { (log_alpha - next) + sum };
            sum = next;
            sum + lost
        });
        let log_alpha_bar = log_alpha_bar.collect();
        Ok(Self { beta, log_alpha_bar })
    }

    /// The schedule that a run's settings ask for.
    ///
    /// # Errors
    /// As [`Schedule::linear`] and [`Schedule::cosine`].
    pub fn from_settings(settings: &DiffusionSettings) -> Result<Self> {
        match settings.schedule {
            ScheduleKind::Linear => Self::linear(settings.timesteps, settings.beta_start, settings.beta_end),
            ScheduleKind::Cosine => Self::cosine(settings.timesteps),
        }
    }

    /// T, the number of timesteps.
    pub fn timesteps(&self) -> usize {
        self.beta.len()
    }

    /// β_t, the variance that step t adds.
    pub fn beta(&self, t: usize) -> f64 {
        self.beta[t]
    }

    /// log α_t = log(1 − β_t).
    pub fn log_alpha(&self, t: usize) -> f64 {
        (-self.beta[t]).ln_1p()
    }

    /// log ᾱ_t.
    pub fn log_alpha_bar(&self, t: usize) -> f64 {
        self.log_alpha_bar[t]
    }

    /// ᾱ_t, the share of the image's variance that is left (Ho et al. 2020, eq. 4).
    pub fn alpha_bar(&self, t: usize) -> f64 {
        self.log_alpha_bar[t].exp()
    }

    /// √ᾱ_t, what the image is multiplied by.
    pub fn sqrt_alpha_bar(&self, t: usize) -> f64 {
        (0.5 * self.log_alpha_bar[t]).exp()
    }

    /// 1 − ᾱ_t, the variance of the noise.
    pub fn one_minus_alpha_bar(&self, t: usize) -> f64 {
        -self.log_alpha_bar[t].exp_m1()
    }

    /// √(1 − ᾱ_t), what the noise is multiplied by.
    pub fn sqrt_one_minus_alpha_bar(&self, t: usize) -> f64 {
        self.one_minus_alpha_bar(t).sqrt()
    }

    /// The signal-to-noise ratio ᾱ_t / (1 − ᾱ_t).
    pub fn snr(&self, t: usize) -> f64 {
        self.log_snr(t).exp()
    }

    /// log SNR_t: finite where SNR itself underflows. Twice the λ_t of Lu et al. 2022.
    pub fn log_snr(&self, t: usize) -> f64 {
        self.log_alpha_bar[t] - self.one_minus_alpha_bar(t).ln()
    }

    /// (c_x0, c_xt) of the posterior mean μ̃_t = c_x0·x₀ + c_xt·x_t (Ho et al. 2020, eq. 7):
    /// c_x0 = √ᾱ_{t−1}·β_t/(1−ᾱ_t), c_xt = √α_t·(1−ᾱ_{t−1})/(1−ᾱ_t); (1, 0) at t = 0.
    pub fn posterior_mean_coefficients(&self, t: usize) -> (f64, f64) {
        let Some(before) = t.checked_sub(1) else { return (1.0, 0.0) };
        let noise = self.one_minus_alpha_bar(t);
        let c_x0 = self.sqrt_alpha_bar(before) * self.beta[t] / noise;
        let c_xt = (1.0 - self.beta[t]).sqrt() * self.one_minus_alpha_bar(before) / noise;
        (c_x0, c_xt)
    }

    /// β̃_t = β_t·(1−ᾱ_{t−1})/(1−ᾱ_t), the variance of q(x_{t−1}|x_t,x₀) (Ho et al. 2020, eq. 7); 0 at t = 0.
    pub fn posterior_variance(&self, t: usize) -> f64 {
        let Some(before) = t.checked_sub(1) else { return 0.0 };
        self.beta[t] * self.one_minus_alpha_bar(before) / self.one_minus_alpha_bar(t)
    }

    /// log β̃_t, with the value of t = 1 at t = 0, where β̃ is 0 (as in the code of Ho et al.).
    pub fn posterior_log_variance(&self, t: usize) -> f64 {
        self.posterior_variance(t.max(1)).ln()
    }

    /// The angle arctan(√(1−ᾱ_t)/√ᾱ_t) from image (0) to noise (π/2), on which x_t = cos φ·x₀ + sin φ·ε
    /// (Salimans & Ho 2022, appendix D).
    pub fn angle(&self, t: usize) -> f64 {
        self.sqrt_one_minus_alpha_bar(t).atan2(self.sqrt_alpha_bar(t))
    }

    /// The first t at which the image can no longer be seen: SNR below [`PURE_NOISE_SNR`].
    /// `None` when even x_T shows a trace of it. Timesteps from there on teach the network nothing.
    pub fn pure_noise_from(&self) -> Option<usize> {
        let limit = PURE_NOISE_SNR.ln();
        let mut timesteps = 0..self.timesteps();
        timesteps.find(|&t| self.log_snr(t) < limit)
    }
}

fn check_timesteps(timesteps: usize) -> Result<()> {
    if (2..=MAX_TIMESTEPS).contains(&timesteps) {
        return Ok(());
    }
    let what = format!("T = {timesteps} is out of range");
    Err(problem(Setting::Timesteps, what, &format!("use 2 to {MAX_TIMESTEPS}")))
}

fn check_beta(setting: Setting, t: usize, beta: f64) -> Result<()> {
    if beta > 0.0 && beta < 1.0 {
        return Ok(());
    }
    let what = format!("β = {beta} at timestep {t} is out of range");
    Err(problem(setting, what, "a variance: more than 0, less than 1"))
}

fn problem(setting: Setting, what: String, hint: &str) -> Error {
    Error::Setting(Problem { setting, what, hint: hint.to_string() })
}

#[cfg(test)]
mod tests;
