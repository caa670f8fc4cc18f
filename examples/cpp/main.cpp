// Teaches a network that reads upright digits to read turned ones.
//
//     fine_tune_digits DATA_FOLDER OUT_FOLDER
//
// DATA_FOLDER is examples/digits. OUT_FOLDER gets the adapter, which PEFT reads too, and the merged
// network, which needs no OFT any more. The program is what it would be without OFT but for the
// lines that say so: the network is a class of its own, the training a loop of its own.

#include <torch/torch.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "oft/model.hpp"
#include "oft/module_tree.hpp"
#include "oft/safetensors.hpp"

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPixels = 64;
constexpr int kEpochs = 20;
constexpr std::int64_t kBatch = 32;

/// [n, 64] pixels in 0..16 -> [n, 10] class scores.
struct DigitNetImpl : torch::nn::Module {
  torch::nn::Linear fc1 = register_module("fc1", torch::nn::Linear(kPixels, 256));
  torch::nn::Linear fc2 = register_module("fc2", torch::nn::Linear(256, 256));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(256, 10));

  torch::Tensor forward(const torch::Tensor& pixels) {
    return head(torch::relu(fc2(torch::relu(fc1(pixels / 16)))));
  }
};
TORCH_MODULE(DigitNet);

void load_parameters(DigitNet& net, const fs::path& file) {
  const auto stored = oft::SafetensorsFile::open(file);
  for (auto& parameter : net->named_parameters()) {
    const oft::SafetensorsEntry* entry = stored.find(parameter.key());
    if (entry == nullptr || entry->bytes() != parameter->nbytes())
      throw std::runtime_error(file.string() + " does not hold " + parameter.key());
    stored.read(*entry, 0, entry->bytes(), parameter->mutable_data_ptr());
  }
}

struct Examples {
  torch::Tensor images;  // float32 [n, 64]
  torch::Tensor labels;  // int64 [n]
};

/// Lines of {"input":[64 pixels],"target":digit}: all that counts are the numbers.
Examples read_examples(const fs::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::vector<float> pixels;
  std::vector<std::int64_t> labels;
  for (std::string line; std::getline(file, line);) {
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return std::isdigit(c) == 0; }, ' ');
    std::istringstream numbers(line);
    const std::vector<std::int64_t> values{std::istream_iterator<std::int64_t>(numbers), {}};
    if (values.size() != kPixels + 1)
      throw std::runtime_error(path.string() + ": a line does not hold 64 pixels and a digit");
    pixels.insert(pixels.end(), values.begin(), values.end() - 1);
    labels.push_back(values.back());
  }
  return {torch::tensor(pixels).reshape({-1, kPixels}), torch::tensor(labels)};
}

double percent_right(const torch::Tensor& scores, const Examples& examples) {
  return 100 * scores.argmax(1).eq(examples.labels).to(torch::kDouble).mean().item<double>();
}

double train_epoch(DigitNet& net, oft::OFTModel& model, torch::optim::Optimizer& optimizer,
                   const Examples& examples) {
  const auto count = examples.labels.size(0);
  double sum = 0;
  for (const torch::Tensor& batch : torch::randperm(count, torch::kLong).split(kBatch)) {
    const auto active = model.activate();  // OFT: until the end of the scope
    const torch::Tensor loss = torch::nn::functional::cross_entropy(
        net(examples.images.index_select(0, batch)), examples.labels.index_select(0, batch));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    sum += loss.item<double>() * static_cast<double>(batch.size(0));
  }
  return sum / static_cast<double>(count);
}

/// True where the merged network, saved and read back, gives what the adapted one gave.
bool run(const fs::path& data, const fs::path& out) {
  torch::manual_seed(0);
  DigitNet net;
  load_parameters(net, data / "base" / "model.safetensors");
  const Examples training = read_examples(data / "training.jsonl");
  const Examples test = read_examples(data / "test.jsonl");
  std::printf("base: %.1f %% of the turned digits\n", percent_right(net(test.images), test));

  oft::OFTConfig config;                                           // OFT: 8 blocks a layer
  config.target_modules = std::vector<std::string>{"fc1", "fc2"};  // OFT
  oft::OFTModel model(oft::nn_tree(net.ptr()), config);            // OFT
  torch::optim::Adam optimizer(model.trainable_parameters(), 3e-3);
  for (int epoch = 1; epoch <= kEpochs; ++epoch) {
    const double loss = train_epoch(net, model, optimizer, training);
    if (epoch == 1 || epoch % 5 == 0) std::printf("epoch %2d: loss %.4f\n", epoch, loss);
  }

  const torch::NoGradGuard no_grad;
  torch::Tensor adapted;
  {
    const auto active = model.activate();
    adapted = net(test.images);
  }
  std::printf("adapted: %.1f %%\n", percent_right(adapted, test));
  model.save_pretrained(out / "adapter");

  model.merge_and_unload();  // OFT: from here on it is a plain network
  torch::save(net, (out / "merged.pt").string());
  DigitNet merged;
  torch::load(merged, (out / "merged.pt").string());
  const double difference = (merged(test.images) - adapted).abs().max().item<double>();
  std::printf("merged, saved, loaded: %.1f %%, scores within %.1e\n",
              percent_right(merged(test.images), test), difference);
  return difference < 1e-3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s DATA_FOLDER OUT_FOLDER\n", argv[0]);
    return 2;
  }
  try {
    return run(argv[1], argv[2]) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}
