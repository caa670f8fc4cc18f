// A model that runs and trains here, for the comparison suite.
//
// usage: live_adapter MODEL.pt DATA.pt RESULT.pt SAVED STEPS LEARNING_RATE WEIGHT_DECAY
// NAME=FOLDER...
//
// DATA is a dictionary of input0, input1, ... and target; RESULT one of what LiveRun holds. The
// adapters apply in the order given; after the steps they are saved to the folder SAVED.

#include <torch/csrc/jit/serialization/pickle.h>
#include <torch/script.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "live_run.hpp"
#include "oft/model.hpp"
#include "oft/module_tree.hpp"

namespace {

namespace fs = std::filesystem;
using Tensors = c10::Dict<std::string, at::Tensor>;

c10::impl::GenericDict read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return torch::jit::pickle_load({std::istreambuf_iterator<char>(file), {}}).toGenericDict();
}

void write(const fs::path& path, const Tensors& tensors) {
  const std::vector<char> bytes = torch::jit::pickle_save(tensors);
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

oft::OFTModel load(const fs::path& script, const std::vector<std::string>& adapters) {
  std::vector<std::string> names;
  std::vector<fs::path> folders;
  for (const std::string& adapter : adapters) {
    const std::size_t equals = adapter.find('=');
    names.push_back(adapter.substr(0, equals));
    folders.push_back(adapter.substr(equals + 1));
  }
  const oft::LoadAdapterOptions options{.is_trainable = true};
  oft::OFTModel model = oft::OFTModel::from_pretrained(oft::script_tree(torch::jit::load(script)),
                                                       folders[0], names[0], options);
  for (std::size_t i = 1; i < names.size(); ++i) model.load_adapter(folders[i], names[i], options);
  model.set_adapter(names);
  return model;
}

void run(const std::vector<std::string>& arguments) {
  const c10::impl::GenericDict data = read(arguments[1]);
  std::vector<c10::IValue> inputs;
  for (std::string key; data.contains(key = "input" + std::to_string(inputs.size()));)
    inputs.push_back(data.at(key));

  oft::OFTModel model = load(arguments[0], {arguments.begin() + 7, arguments.end()});
  const oft::testing::LiveRun run = oft::testing::live_run(
      model, [&](const oft::Activation& active) { return active.forward(inputs).toTensor(); },
      data.at("target").toTensor(),
      {std::stoi(arguments[4]), std::stod(arguments[5]), std::stod(arguments[6])});
  model.save_pretrained(arguments[3]);

  Tensors result;
  result.insert("output", run.output);
  result.insert("losses", run.losses);
  result.insert("trained", run.trained);
  for (const auto& [name, gradient] : run.gradients) result.insert("gradient." + name, gradient);
  write(arguments[2], result);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 8) {
    std::cerr << "usage: live_adapter MODEL.pt DATA.pt RESULT.pt SAVED STEPS LEARNING_RATE "
                 "WEIGHT_DECAY NAME=FOLDER...\n";
    return 2;
  }
  try {
    run(arguments);
  } catch (const std::exception& error) {
    std::cerr << "live_adapter: " << error.what() << "\n";
    return 1;
  }
}
