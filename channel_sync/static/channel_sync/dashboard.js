"use strict";
(() => {
  const data = JSON.parse(document.getElementById("cs-chart-data").textContent);
  const colour = (name) => getComputedStyle(document.querySelector(".cs-page")).getPropertyValue(name).trim();
  Chart.defaults.color = colour("--cs-text");
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.animation = false;
  const hour = (moment) => new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const bar = (label, values, name) => ({ label, data: values, backgroundColor: colour(name) });
  new Chart(document.getElementById("cs-hours"), {
    type: "bar",
    data: {
      labels: data.labels.map(hour),
      datasets: [
        bar("settled", data.settled, "--cs-done"),
        bar("failed", data.failed, "--cs-failed"),
        bar("waiting", data.waiting, "--cs-waiting"),
      ],
    },
    options: { scales: { x: { stacked: true }, y: { stacked: true, beginAtZero: true, ticks: { precision: 0 } } } },
  });
  const percentile = (label, at, name) => bar(label, data.latency.map((row) => row[at]), name);
  new Chart(document.getElementById("cs-latency"), {
    type: "bar",
    data: {
      labels: data.latency_labels,
      datasets: [
        percentile("p50", 0, "--cs-done"),
        percentile("p95", 1, "--cs-waiting"),
        percentile("p99", 2, "--cs-failed"),
      ],
    },
    options: { indexAxis: "y", scales: { x: { beginAtZero: true } } },
  });
})();
