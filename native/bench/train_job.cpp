// A live encoder from end to end: one training step (forward, loss, backward, AdamW) and the
// unmerged forward of a batch and of a single text, beside the bare module and, where a Python with
// PEFT is named, beside PEFT's OFT and LoRA. The contenders take turns; medians are compared.
// Before that, outputs and losses from equal starts have to agree.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn_like.h>
#include <sys/stat.h>
#include <torch/csrc/jit/serialization/pickle.h>
#include <torch/optim/adamw.h>
#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "job.h"
#include "oft/build_info.hpp"
#include "oft/model.hpp"

namespace {

namespace fs = std::filesystem;
using namespace oft::bench;

constexpr double kLearningRate = 1e-4;
constexpr int kCheckedSteps = 3;
constexpr int kSingles = 10;  // texts on end, timed together
const std::vector<std::string> kFormulas = {"exact", "neumann"};
const std::vector<std::string> kWorks = {"step", "batch", "single"};

struct Settings {
  std::map<std::string, std::string> values = {
      {"model", ""},           {"targets", "query,key,value,dense"},
      {"python", ""},          {"peer", ""},
      {"runs", "7"},           {"checkpoint", ""},
      {"texts", "16"},         {"block-size", "32"},
      {"tokens", "64"},        {"vocabulary", "30522"},
      {"measure", ""},         {"workspace", fs::temp_directory_path()},
      {"single-tokens", "16"},
  };
  const std::string& text(const std::string& name) const { return values.at(name); }
  std::int64_t number(const std::string& name) const { return std::stoll(values.at(name)); }
};

[[noreturn]] void usage(const std::string& program) {
  std::cerr << "usage: " << program
            << " --model MODEL.pt [--targets A,B] [--block-size N] [--texts N] [--tokens N]\n"
               "         [--single-tokens N] [--vocabulary N] [--runs N] [--workspace FOLDER]\n"
               "         [--python PYTHON --peer SCRIPT --checkpoint FOLDER]\n"
               "MODEL.pt takes ids and, if it has a second argument, their mask. SCRIPT is\n"
               "native/bench/peft_train_job.py, FOLDER the checkpoint that MODEL.pt was made of.\n";
  std::exit(2);
}

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    const auto found = settings.values.find(flag.starts_with("--") ? flag.substr(2) : "");
    if (found == settings.values.end() || i + 1 == argc) usage(argv[0]);
    found->second = argv[i + 1];
  }
  if (settings.text("model").empty() || settings.number("runs") < 1) usage(argv[0]);
  return settings;
}

/// Batches and their target, in a file that PEFT's side reads, too.
struct Data {
  std::map<std::string, std::vector<c10::IValue>> inputs;  ///< of "batch" and "single"
  at::Tensor target;

  static void write(const Settings& settings, torch::jit::Module& model, const fs::path& path) {
    const at::NoGradGuard no_grad;
    const bool has_mask = model.get_method("forward").function().getSchema().arguments().size() > 2;
    c10::Dict<std::string, at::Tensor> data;
    for (const std::string name : {"batch", "single"}) {
      const at::Tensor ids =
          at::randint(1, settings.number("vocabulary"),
                      {name == "batch" ? settings.number("texts") : 1,
                       settings.number(name == "batch" ? "tokens" : "single-tokens")},
                      at::kLong);
      data.insert(name + "0", ids);
      if (has_mask) data.insert(name + "1", at::ones_like(ids));
      if (name != "batch") continue;
      std::vector<c10::IValue> inputs = {ids};
      if (has_mask) inputs.emplace_back(at::ones_like(ids));
      data.insert("target", at::randn_like(model.forward(inputs).toTensor()) * 0.1);
    }
    const std::vector<char> bytes = torch::jit::pickle_save(data);
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  static Data read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    const auto stored =
        torch::jit::pickle_load({std::istreambuf_iterator<char>(file), {}}).toGenericDict();
    Data data;
    data.target = stored.at("target").toTensor();
    for (const std::string name : {"batch", "single"})
      for (const std::string number : {"0", "1"})
        if (stored.contains(name + number)) data.inputs[name].push_back(stored.at(name + number));
    return data;
  }
};

class Contender {
 public:
  explicit Contender(std::string name) : name_(std::move(name)) {}
  virtual ~Contender() = default;
  const std::string& name() const { return name_; }

  /// Of one run; nothing where there is no such work for it.
  virtual std::optional<double> seconds(const std::string& work) = 0;
  /// Of some steps of training, and the absolute sum of the output before them.
  virtual std::vector<double> figures() = 0;
  /// Of a process that does nothing but some steps, or forwards where it cannot train.
  virtual double peak_megabytes() = 0;

 private:
  std::string name_;
};

/// The script alone.
class Bare : public Contender {
 public:
  Bare(const Settings& settings, const Data& data, const std::string& name)
      : Contender(name),
        settings_(settings),
        data_(data),
        script_(torch::jit::load(settings.text("model"))) {
    script_.eval();
  }

  std::optional<double> seconds(const std::string& work) override {
    if (work == "step") return std::nullopt;
    const int times = work == "single" ? kSingles : 1;
    return oft::bench::seconds([&] {
             for (int i = 0; i < times; ++i) forward(work);
           }) /
           times;
  }

  std::vector<double> figures() override { return {forward("batch").abs().sum().item<double>()}; }

  double peak_megabytes() override {
    return std::stod(run({fs::read_symlink("/proc/self/exe"), "--model", settings_.text("model"),
                          "--workspace", settings_.text("workspace"), "--measure", name()}));
  }

  virtual at::Tensor forward(const std::string& work) {
    const at::NoGradGuard no_grad;
    return script_.forward(data_.inputs.at(work)).toTensor();
  }

 protected:
  const Settings& settings_;
  const Data& data_;
  torch::jit::Module script_;
};

/// With the adapter of a formula.
class Adapted : public Bare {
 public:
  Adapted(const Settings& settings, const Data& data, const std::string& formula)
      : Bare(settings, data, formula) {
    load();
  }

  static void write(const Settings& settings, const std::string& formula, const fs::path& folder) {
    std::string targets;
    std::stringstream names(settings.text("targets"));
    for (std::string name; std::getline(names, name, ',');)
      targets += (targets.empty() ? "\"" : ", \"") + name + "\"";
    const auto config = oft::OFTConfig::from_json(
        R"({"oft_block_size": )" + settings.text("block-size") + R"(, "target_modules": [)" +
            targets + R"(], "use_cayley_neumann": )" + (formula == "exact" ? "false}" : "true}"),
        oft::ConfigSource::kUser);
    const oft::OFTModel model(oft::script_tree(torch::jit::load(settings.text("model"))), config);
    const at::NoGradGuard no_grad;
    for (at::Tensor q : model.trainable_parameters()) q.normal_(0, 0.02);
    model.save_pretrained(folder);
  }

  std::optional<double> seconds(const std::string& work) override {
    if (work != "step") return Bare::seconds(work);
    return oft::bench::seconds([&] { step(); });
  }

  std::vector<double> figures() override {
    load();
    std::vector<double> figures = Bare::figures();
    for (int i = 0; i < kCheckedSteps; ++i) figures.push_back(step());
    return figures;
  }

  at::Tensor forward(const std::string& work) override {
    const at::NoGradGuard no_grad;
    model_->train(false);
    return model_->activate().forward(data_.inputs.at(work)).toTensor();
  }

  double step() {
    model_->train();
    optimizer_->zero_grad();
    const at::Tensor output = model_->activate().forward(data_.inputs.at("batch")).toTensor();
    const at::Tensor loss = at::mse_loss(output, data_.target);
    loss.backward();
    optimizer_->step();
    return loss.item<double>();
  }

 private:
  void load() {
    optimizer_.reset();
    model_.emplace(oft::OFTModel::from_pretrained(oft::script_tree(script_),
                                                  fs::path(settings_.text("workspace")) / name(),
                                                  "default", {.is_trainable = true}));
    optimizer_ = std::make_unique<torch::optim::AdamW>(model_->trainable_parameters(),
                                                       torch::optim::AdamWOptions(kLearningRate));
  }

  std::optional<oft::OFTModel> model_;
  std::unique_ptr<torch::optim::AdamW> optimizer_;
};

/// PEFT, in a process that answers a line with a line.
class Peer {
 public:
  explicit Peer(const Settings& settings) {
    const fs::path answers = fs::path(settings.text("workspace")) / "answers";
    if (::mkfifo(answers.c_str(), 0600) != 0)
      throw std::runtime_error("no pipe at " + answers.string());
    std::string line;
    for (const std::string name : {"python", "peer", "checkpoint", "workspace", "targets"})
      line += "'" + settings.text(name) + "' ";
    requests_ = ::popen((line + "> '" + answers.string() + "'").c_str(), "w");
    answers_.open(answers);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { ::pclose(requests_); }

  std::vector<double> ask(const std::string& request) {
    std::fprintf(requests_, "%s\n", request.c_str());
    std::fflush(requests_);
    std::string line;
    if (!std::getline(answers_, line)) throw std::runtime_error("no answer to '" + request + "'");
    std::istringstream numbers(line);
    return {std::istream_iterator<double>(numbers), {}};
  }

 private:
  FILE* requests_;
  std::ifstream answers_;
};

class Theirs : public Contender {
 public:
  Theirs(Peer& peer, const std::string& name) : Contender(name), peer_(peer) {}

  std::optional<double> seconds(const std::string& work) override {
    const std::vector<double> answer = peer_.ask("seconds " + name() + " " + work);
    return answer.empty() ? std::nullopt : std::optional(answer[0]);
  }
  std::vector<double> figures() override { return peer_.ask("figures " + name()); }
  double peak_megabytes() override { return peer_.ask("peak " + name()).at(0); }

 private:
  Peer& peer_;
};

/// Ends the program where two starts from the same adapter part.
void check(Contender& ours, Contender& theirs) {
  const std::vector<double> a = ours.figures();
  const std::vector<double> b = theirs.figures();
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i < std::min(a.size(), b.size()) && std::abs(a[i] - b[i]) <= 1e-5 * std::abs(b[i]))
      continue;
    std::fprintf(stderr, "%s: figure %zu of oft is not PEFT's\n", ours.name().c_str(), i);
    std::exit(1);
  }
}

struct Line {
  std::string side;
  std::unique_ptr<Contender> contender;
  std::map<std::string, Row> rows;
};

void print(const Line& line, const std::map<std::string, double>& bare) {
  std::printf("%-6s %-8s", line.side.c_str(), line.contender->name().c_str());
  for (const std::string& work : kWorks) {
    const auto found = line.rows.find(work);
    if (found == line.rows.end()) {
      std::printf("%28s", "");
      continue;
    }
    const double median = found->second.median();
    std::printf("%11.1f ms", median * 1e3);
    if (bare.contains(work))
      std::printf("  %5.2f x bare", median / bare.at(work));
    else
      std::printf("%14s", "");
  }
  std::printf("%9.0f MB\n", line.contender->peak_megabytes());
}

/// For a process of its own.
void measure(const Settings& settings) {
  const Data data = Data::read(fs::path(settings.text("workspace")) / "data.pt");
  const std::string& name = settings.text("measure");
  if (name == "bare")
    Bare(settings, data, name).figures();
  else
    Adapted(settings, data, name).figures();
  std::printf("%f\n", peak_megabytes());
}

void compete(Settings settings) {
  const Workspace workspace(settings.text("workspace"));
  settings.values["workspace"] = workspace.path;
  torch::jit::Module script = torch::jit::load(settings.text("model"));
  Data::write(settings, script, workspace.path / "data.pt");
  const Data data = Data::read(workspace.path / "data.pt");
  std::vector<Line> lines;
  lines.push_back({"oft", std::make_unique<Bare>(settings, data, "bare"), {}});
  for (const std::string& formula : kFormulas) {
    Adapted::write(settings, formula, workspace.path / formula);
    lines.push_back({"oft", std::make_unique<Adapted>(settings, data, formula), {}});
  }
  std::optional<Peer> peer;
  if (!settings.text("peer").empty()) {
    peer.emplace(settings);
    for (const std::string name : {"bare", "exact", "neumann", "lora"})
      lines.push_back({"PEFT", std::make_unique<Theirs>(*peer, name), {}});
    const std::size_t ours = lines.size() - 4;
    for (std::size_t i = 0; i < ours; ++i) check(*lines[i].contender, *lines[ours + i].contender);
  }

  for (std::int64_t i = -2; i < settings.number("runs"); ++i)  // two rounds warm up
    for (const std::string& work : kWorks)
      for (Line& line : lines)
        if (const auto time = line.contender->seconds(work); time && i >= 0)
          line.rows[work].times.push_back(*time);

  std::printf("\nbatch of %s texts of %s tokens, single of %s, blocks of %s, %s rounds\n\n",
              settings.text("texts").c_str(), settings.text("tokens").c_str(),
              settings.text("single-tokens").c_str(), settings.text("block-size").c_str(),
              settings.text("runs").c_str());
  std::printf("%-15s%14s%28s%28s%26s\n", "", "step", "batch", "single", "peak memory");
  std::map<std::string, double> bare;
  for (const auto& [work, row] : lines[0].rows) bare[work] = row.median();
  for (const Line& line : lines) print(line, bare);
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = parse(argc, argv);
  if (!settings.text("measure").empty()) {
    measure(settings);
  } else {
    std::cout << oft::build_info() << "\n";
    compete(settings);
  }
}
